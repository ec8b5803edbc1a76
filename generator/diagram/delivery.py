"""The page `Delivery`: how a change goes through the pipeline of the tools account into the environments' accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.cost.accounts import Account
from generator.diagram import delivery_accounts, icons, styles
from generator.diagram.facts import Facts, words
from generator.diagram.geometry import Point, Rect
from generator.diagram.page import SMALL, Label, Page, foot, head, label
from generator.diagram.styles import Icon
from generator.resolver import Resource

LEFT, TOP = 170, 90
STAGE, GAP, ACTION, STAGE_TITLE = 180, 30, 50, 34
STORES_HEIGHT = 130
ACTIONS: Mapping[str, Icon] = {
    "CodeBuild": icons.BUILD,
    "CloudFormation": icons.CLOUDFORMATION,
    "Manual": icons.PERSON,
    "S3": icons.BUCKET,
    "CodeStarSourceConnection": icons.PIPELINE,
}


@dataclass(frozen=True)
class Tools:
    """The tools account, asked in words."""

    pipeline: Facts
    account: Facts
    stages: Sequence[Mapping[str, Any]]

    @property
    def resource(self) -> Resource:
        """The pipeline itself."""
        return self.pipeline.all("CodePipeline::Pipeline")[0]


def tools_of(account: Account) -> Tools:
    """Return the account of the pipeline."""
    roots = {root.name: Facts(root.resolution) for root in account.roots}
    pipeline = roots["pipeline"].all("CodePipeline::Pipeline")[0]
    return Tools(roots["pipeline"], roots["tools_account"], pipeline.properties["Stages"])


def draw(accounts: Sequence[Account]) -> Page:
    """Return the page of the pipeline and all environments. Raises `StopIteration` without a tools account."""
    tools = tools_of(accounts[-1])
    name = str(tools.resource.properties["Name"])
    page = Page("Delivery", "Delivery", f"{name}  ·  {len(tools.stages)} stages  ·  {len(accounts)} accounts")
    width = len(tools.stages) * (STAGE + GAP) - GAP + 40
    head(page, LEFT + width + 40 + 150)
    rows = max(len(stage["Actions"]) for stage in tools.stages)
    height = round((STAGE_TITLE + rows * ACTION + 36) / 10) * 10
    pipeline = Rect(LEFT + 20, TOP + 40 + STORES_HEIGHT, width, height + 60)
    tools_rect = Rect(LEFT, TOP, width + 40, pipeline.bottom + 20 - TOP)
    page.frame("tools", label("Tools account"), tools_rect, styles.ACCOUNT)
    notified = tools.pipeline.all("CodeStarNotifications::NotificationRule")
    roles = tools.pipeline.all("IAM::Role", "IAM::ManagedPolicy", "Logs::LogGroup")
    of = [tools.resource, *notified, *roles]
    page.frame("pipeline", label(f"CodePipeline  {name}"), pipeline, styles.PIPELINE, "tools", of, in_middle=True)
    for place, stage in enumerate(tools.stages):
        _draw_stage(page, tools, stage, Rect(pipeline.x + 20 + place * (STAGE + GAP), pipeline.y + 40, STAGE, height))
    for before, after in zip(tools.stages, tools.stages[1:], strict=False):
        y = pipeline.y + 100
        page.connect(stage_node(before), stage_node(after), styles.TRAFFIC, "right", "left", y, y)
    _draw_stores(page, tools, pipeline)
    _draw_people(page, tools, pipeline)
    bottom = delivery_accounts.draw(page, tools.stages, accounts, pipeline.bottom + 90)
    # The first stages have no account below them: there is room for the legend.
    foot(page, pipeline.bottom + 100, columns=1, height=bottom + 30)
    return page


def stage_node(stage: Mapping[str, Any]) -> str:
    """Return the node of a stage."""
    return f"stage:{stage['Name']}"


def _draw_stage(page: Page, tools: Tools, stage: Mapping[str, Any], rect: Rect) -> None:
    node = stage_node(stage)
    page.frame(node, label(words(str(stage["Name"])).capitalize()), rect, styles.STAGE, "pipeline", solid=True)
    ordered = sorted(stage["Actions"], key=lambda action: int(action.get("RunOrder", 1)))
    for place, action in enumerate(ordered):
        icon = ACTIONS[str(action["ActionTypeId"]["Provider"])]
        projects = tools.pipeline.named(action.get("Configuration", {}).get("ProjectName", ""))
        text = Label((), _lines(action))
        center = Point(rect.x + 30, rect.y + STAGE_TITLE + 26 + place * ACTION)
        page.icon(f"{node}:{action['Name']}", center, icon, text, node, projects, "right", SMALL)
    lines = _conditions(stage)
    if lines:
        page.text(f"{node}:conditions", lines, Point(rect.x + 10, rect.bottom - 10 - 12 * len(lines)), node)


def _lines(action: Mapping[str, Any]) -> list[str]:
    name = words(str(action["Name"]))
    what = {"Manual": "by a person", "CodeBuild": "CodeBuild", "CloudFormation": "CloudFormation", "S3": "Amazon S3"}
    provider = str(action["ActionTypeId"]["Provider"])
    minutes = action.get("TimeoutInMinutes")
    return [name, what.get(provider, provider) + (f", within {int(minutes) // 1440} days" if minutes else "")]


def _conditions(stage: Mapping[str, Any]) -> list[str]:
    """Return when a stage is left out, and what happens where it fails."""
    lines = []
    for condition in stage.get("BeforeEntry", {}).get("Conditions", []):
        for rule in condition["Rules"]:
            asked = rule["Configuration"]
            name = str(asked["Variable"]).removeprefix("#{variables.").removesuffix("}")
            lines.append(f"only where {name} = {asked['Value']}")
    result = stage.get("OnFailure", {}).get("Result")
    return [*lines, f"where it fails: {str(result).lower()}"] if result else lines


def _draw_stores(page: Page, tools: Tools, pipeline: Rect) -> None:
    y = TOP + 80
    first = pipeline.x + 20 + STAGE / 2
    buckets = {each.logical_id: each for each in tools.account.all("S3::Bucket")}
    entries: list[tuple[str, Icon, Label, list[Resource]]] = []
    own = [name for name in ("SourceBucket", "TemplateBucket") if name in buckets]
    shared = [buckets[name] for name in buckets if name not in own]
    for name in own:
        of = [buckets[name], *tools.account.who_names(buckets[name], "S3::BucketPolicy")]
        entries.append((f"bucket:{name}", icons.BUCKET, label("Amazon S3", words(name)), of))
    text = label("Amazon S3", *(words(each.logical_id) for each in shared))
    policies = [policy for each in shared for policy in tools.account.who_names(each, "S3::BucketPolicy")]
    entries.append(("bucket:others", icons.BUCKET, text, [*shared, *policies]))
    repositories = tools.account.all("ECR::Repository")
    if repositories:
        text = label("Amazon ECR", *(words(each.logical_id).removesuffix(" repository") for each in repositories))
        entries.append(("repositories", icons.REGISTRY, text, repositories))
    keys = tools.account.all("KMS::Key")
    entries.append(("keys", icons.KEY, label("AWS KMS", "artifacts, topic"), [*keys, *tools.account.all("KMS::Alias")]))
    for rule in tools.pipeline.all("Events::Rule"):
        entries.insert(1, ("started", icons.EVENTS, label("EventBridge", words(rule.logical_id)), [rule]))
    for place, (node, icon, text, of) in enumerate(entries):
        page.icon(node, Point(first + place * (STAGE + GAP), y), icon, text, "tools", of, "right", 44)
    for topic in tools.pipeline.all("SNS::Topic"):
        of = [topic, *tools.pipeline.who_names(topic, "SNS::TopicPolicy", "SNS::Subscription")]
        last = Point(first + (len(tools.stages) - 1) * (STAGE + GAP), y)
        page.icon("topic", last, icons.TOPIC, label("Amazon SNS", "notifications"), "tools", of, "left", 44)


def _draw_people(page: Page, tools: Tools, pipeline: Rect) -> None:
    page.icon("developers", Point(80, TOP + 80), icons.VISITORS, label("Developers"))
    if "started" in page.nodes:
        number = page.explain(styles.INK, "A new source is uploaded")
        page.connect("developers", "bucket:SourceBucket", styles.TRAFFIC, "right", "left", number=number)
        page.connect("bucket:SourceBucket", stage_node(tools.stages[0]), styles.TRAFFIC, "bottom", "top")
        number = page.explain(styles.MANAGEMENT, "Its arrival starts the pipeline")
        x = page.rect("started").center.x
        page.connect("started", "pipeline", styles.CONTROL, "bottom", "top", x, x, number=number)
    _connect_build(page, tools)
    approval = next((stage for stage in tools.stages if _has_provider(stage, "Manual")), None)
    if approval is None or "topic" not in page.nodes:
        return
    center = page.rect("topic").center
    page.icon("approvers", Point(page.width - 70, center.y), icons.PERSON, label("Approvers"))
    number = page.explain(
        styles.MANAGEMENT, "Who approves is told of the change report; so are those who must know of failures"
    )
    page.connect(stage_node(approval), "topic", styles.CONTROL, "top", "bottom", number=number)
    page.connect("topic", "approvers", styles.CONTROL, "right", "left")


def _connect_build(page: Page, tools: Tools) -> None:
    """Draw what the stage gives that makes the release: templates, and images where containers are asked for."""
    build = next(stage for stage in tools.stages if "Release" in _made(stage))
    x = page.rect(stage_node(build)).center.x
    number = page.explain(
        styles.GREEN_FLOW, "The build tests everything, and publishes templates under a version of their own"
    )
    page.connect(stage_node(build), "bucket:TemplateBucket", styles.FILE, "top", "bottom", x + 40, number=number)
    if any(str(action["Name"]) == "Images" for action in build["Actions"]):
        number = page.explain(styles.COMPUTE, "It builds each image once, pinned by its digest")
        line = styles.Line(styles.COMPUTE)
        page.connect(stage_node(build), "repositories", line, "top", "bottom", x + 60, number=number)


def _has_provider(stage: Mapping[str, Any], provider: str) -> bool:
    return any(action["ActionTypeId"]["Provider"] == provider for action in stage["Actions"])


def _made(stage: Mapping[str, Any]) -> list[str]:
    """Return the artifacts that a stage gives."""
    return [str(artifact["Name"]) for action in stage["Actions"] for artifact in action.get("OutputArtifacts", [])]
