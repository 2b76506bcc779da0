"""Made-up Chinese news of the length of real ones: titles, and texts of some 500 characters, the same for every run.

Sentences are made once, some ten thousand, of the words below; a text draws from them and says one thing of its own.
"""

import random

SENTENCES = 12_000
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉萍红鹏飞浩宇轩子涵梓欣怡诗琪思远知行云舟清源若溪景行书瑶文博雨桐嘉懿泽楷致远瑾瑜晓彤志安建国立新"
BODIES = (
    "教务处", "研究生院", "校团委", "学生工作部", "图书馆", "信息化办公室", "后勤集团", "招生办公室", "就业指导中心", "国际合作处", "人事处",
    "科学技术处", "社会科学处", "离退休工作处", "校友会", "心理健康中心", "校医院", "体育部", "档案馆", "出版社", "继续教育学院", "马克思主义学院",
    "文学院", "历史学院", "哲学系", "外国语学院", "法学院", "经济学院", "商学院", "数学科学学院", "物理学院", "化学学院", "生命科学学院", "材料科学与工程学院",
    "电子信息学院", "计算机学院", "人工智能研究院", "环境科学与工程学院", "水利工程学院", "土木工程学院", "机械工程学院", "农学院", "园艺学院", "食品学院",
    "动物医学院", "基础医学院", "药学院", "护理学院", "附属医院", "公共卫生学院", "美术学院", "音乐学院", "新闻与传播学院", "地质资源勘查中心",
)  # fmt: skip
DEEDS = (
    "召开", "举办", "启动", "承办", "组织开展", "顺利完成", "联合发起", "系统总结", "专题研究", "部署推进", "认真落实", "广泛征集", "集中展示", "持续优化",
)  # fmt: skip
THINGS = (
    "本科教学审核评估工作会", "研究生学位论文抽检", "青年教师教学竞赛", "大学生创新创业训练计划", "毕业典礼暨学位授予仪式", "新生入学教育周", "实验室安全月", "乡村振兴定点帮扶工作",
    "暑期社会实践", "学科建设推进会", "人才引进评审", "国家重点研发计划项目", "自然科学基金申报辅导", "产学研合作签约仪式", "校园开放日", "心理健康服务周", "运动会",
    "读书分享会", "学术年会", "重点课程群建设", "教材建设与管理", "智慧教室改造", "食堂满意度调查", "宿舍维修改造工程", "消防演练", "校友返校日", "国际暑期学校",
    "中外合作办学项目", "硕士研究生招生复试", "专项奖学金评选", "困难学生资助", "就业双选会", "基层就业宣讲", "征兵宣传", "志愿服务项目大赛", "数学建模竞赛", "程序设计竞赛",
    "非遗进校园活动", "红色经典诵读", "档案整理与数字化", "古籍修复培训", "开放获取资源推广", "科研诚信教育", "伦理审查", "仪器设备共享", "网络安全攻防演练",
)  # fmt: skip
FINDINGS = (
    "揭示了水稻根系响应干旱的分子机制", "制备出高强度可降解的复合纤维", "提出一种低功耗的边缘计算架构", "建立了流域尺度的碳收支模型", "发现一种新的二维磁性材料", "破解了果树黄化病的传播途径",
    "完成了高原湖泊沉积物的年代测定", "研制出可穿戴的心电监测芯片", "阐明了肠道菌群影响睡眠的通路", "改进了钠离子电池的循环寿命", "绘制出濒危植物的全基因组图谱", "验证了量子密钥分发的新方案",
)  # fmt: skip
PLACES = (
    "会议中心", "大礼堂", "图书馆报告厅", "东校区体育馆", "学术交流中心", "行政楼第三会议室", "创新创业园", "南湖校区", "线上平台", "省科技馆", "青岭县", "临江市", "实验农场", "工程训练中心",
)  # fmt: skip
PEOPLE = (
    "校长", "党委书记", "副校长", "院长", "系主任", "教授", "副教授", "特聘研究员", "辅导员", "学生代表", "博士生", "高级工程师",
)  # fmt: skip
FRAMES = (
    "{when}，{body}{deed}{thing}，{number}余名师生在{place}参加。",
    "{person}在讲话中指出，{thing}要坚持问题导向，把工作做细做实。",
    "{person}介绍，课题组历时{small}年，{finding}。",
    "该成果{finding}，相关论文发表于国际学术期刊。",
    "{body}与{other}就{thing}交换了意见，并签署合作备忘录。",
    "据统计，参加{thing}的学生比去年增加{percent}%，其中研究生{number}人。",
    "与会人员实地考察了{place}，听取了{body}关于{thing}的汇报。",
    "{person}表示，将以{thing}为契机，进一步提升人才培养质量。",
    "活动期间，{body}还{deed}了{thing}，受到师生欢迎。",
    "请各单位于{when}前将材料报送至{body}，逾期不再受理，联系电话：8350{number}。",
    "有意参加者请登录系统报名，每人限报{small}项，最终名单由{body}公布。",
    "{person}从选题、方法与写作三方面作了题为“{thing}的实践与思考”的报告。",
    "会议审议通过了关于{thing}的实施方案，自发布之日起施行。",
    "经个人申请、专家评审与公示，{person}等{small}人获得表彰。",
)  # fmt: skip
TITLES = (
    "{body}{deed}{thing}", "我校学者{finding}", "关于开展{thing}的通知", "{thing}在{place}举行", "{person}赴{place}调研{thing}", "讲座预告｜{thing}的理论与方法",
    "{body}与{other}共建{thing}", "关于公布{thing}结果的公告", "图片新闻：{place}里的{thing}", "{person}：在{place}的三十年",
)  # fmt: skip


class Prose:
    def __init__(self, seed: int = 1) -> None:
        self._draw = random.Random(seed)
        self._sentences = [self._filled(self._draw.choice(FRAMES)) for _ in range(SENTENCES)]
        self._titles = [self._filled(self._draw.choice(TITLES)) for _ in range(SENTENCES)]

    def title(self) -> str:
        return self._draw.choice(self._titles)

    def paragraphs(self) -> list[str]:
        """The paragraphs of one text, 120 to 1,200 characters in all."""
        draw = self._draw
        sentences = draw.choices(self._sentences, k=draw.randint(4, 28))
        sentences[0] = f"本网讯（记者{self._name()}）" + sentences[0]
        return ["".join(sentences[start : start + 4]) for start in range(0, len(sentences), 4)]

    def _filled(self, frame: str) -> str:
        draw = self._draw
        return frame.format(
            when=f"{draw.randint(1, 12)}月{draw.randint(1, 28)}日",
            body=draw.choice(BODIES),
            other=draw.choice(BODIES),
            deed=draw.choice(DEEDS),
            thing=draw.choice(THINGS),
            finding=draw.choice(FINDINGS),
            place=draw.choice(PLACES),
            person=draw.choice(PEOPLE) + self._name(),
            number=draw.randint(10, 990),
            small=draw.randint(2, 9),
            percent=draw.randint(2, 60),
        )

    def _name(self) -> str:
        draw = self._draw
        return draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=draw.randint(1, 2)))
