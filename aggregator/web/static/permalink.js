// A button that copies the entry's address, where the browser lets a page do that. The page is whole without it.
const line = document.querySelector(".permalink");
if (line && navigator.clipboard) {
  const field = line.querySelector("input");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = line.dataset.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    button.textContent = line.dataset.copied;
  });
  line.append(button);
}
