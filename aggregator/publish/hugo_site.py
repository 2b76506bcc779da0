"""What Hugo needs beside the posts to build a site of them: a configuration and the fewest layouts, without a theme.

Knows no folder and no entry.
"""

import json
from collections.abc import Mapping

CONFIG = """\
# Written once by `aggregator export hugo`; yours from then on.
baseURL = {url}
title = {title}
languageCode = {language}
defaultContentLanguage = {language}
timeZone = {timezone}
hasCJKLanguage = true
buildFuture = true
timeout = "300s"

# the posts lie beside this file
[[module.mounts]]
source = "."
target = "content"
includeFiles = "*.md"

[[module.mounts]]
source = "layouts"
target = "layouts"
"""

BASE = """\
<!DOCTYPE html>
<html lang="{{ site.Language.Lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ if .IsHome }}{{ site.Title }}{{ else }}{{ .Title }}{{ end }}</title>
{{ range .AlternativeOutputFormats }}<link rel="{{ .Rel }}" type="{{ .MediaType.Type }}" href="{{ .Permalink }}">
{{ end }}<style>body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.8 sans-serif }
img, video { max-width: 100%; height: auto } time, nav { color: #555 }</style>
</head>
<body>
<header><a href="{{ site.Home.RelPermalink }}">{{ site.Title }}</a></header>
<main>{{ block "main" . }}{{ end }}</main>
</body>
</html>
"""

LIST = """\
{{ define "main" }}
<h1>{{ .Title }}</h1>
{{ $pages := cond (eq .Kind "home") site.RegularPages .Pages }}{{ $paginator := .Paginate $pages 50 }}
<ul>
{{ range $paginator.Pages }}<li><time>{{ .Date.Format "2006-01-02" }}</time>
<a href="{{ .RelPermalink }}">{{ .LinkTitle }}</a></li>
{{ end }}</ul>
<nav>{{ with $paginator.Prev }}<a rel="prev" href="{{ .URL }}">←</a>{{ end }}
{{ with $paginator.Next }}<a rel="next" href="{{ .URL }}">→</a>{{ end }}</nav>
{{ end }}
"""

SINGLE = """\
{{ define "main" }}
<article>
<h1>{{ .Title }}</h1>
<p><time datetime="{{ .Date.Format "2006-01-02T15:04:05Z07:00" }}">{{ .Date.Format "2006-01-02 15:04" }}</time>
{{ range .GetTerms "tags" }}<a href="{{ .RelPermalink }}">{{ .LinkTitle }}</a> {{ end }}</p>
{{ .Content }}
</article>
{{ end }}
"""


def files(title: str, url: str, language: str, timezone: str) -> Mapping[str, str]:
    """What goes where in the site's folder."""
    config = CONFIG.format(
        title=json.dumps(title, ensure_ascii=False),
        url=json.dumps(f"{url}/"),
        language=json.dumps(language),
        timezone=json.dumps(timezone),
    )
    return {
        "hugo.toml": config,
        "layouts/_default/baseof.html": BASE,
        "layouts/_default/list.html": LIST,
        "layouts/_default/single.html": SINGLE,
    }
