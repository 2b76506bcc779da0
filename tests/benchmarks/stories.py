"""Made-up news by number, the same whenever it is asked for: what feeds and columns of the farm say."""

import random
from datetime import UTC, datetime

ENTRIES = 20
EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
CLAUSES = (
    "学校召开教学工作会议", "研究团队在材料领域取得新进展", "与会专家围绕课程建设展开讨论", "志愿者走进社区开展服务",
    "图书馆延长开放时间", "毕业生就业工作有序推进", "实验室安全检查全面展开", "校友返校参加纪念活动", "学术讲座吸引众多师生",
    "定点帮扶工作取得实效", "国际合作项目正式启动", "体育代表队在比赛中获奖",
)  # fmt: skip


def story(number: int) -> tuple[str, str]:
    """(title, HTML of 1 to 4 KB) of story *number*, always the same."""
    draw = random.Random(number)
    title = f"{draw.choice(CLAUSES)}（{number}）"
    paragraphs = (
        "<p>" + "，".join(draw.choices(CLAUSES, k=draw.randint(6, 12))) + f"，共有{draw.randint(2, 900)}人参加。</p>"
        for _ in range(draw.randint(3, 9))
    )
    return title, "".join(paragraphs)
