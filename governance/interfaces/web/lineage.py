"""Lineage graph of a version: query, layout and drawing.

The layout follows Sugiyama for small graphs: layers by longest path, dummy nodes on long edges, barycentre sweeps. The
nodes are links with text and CSS classes, so the graph works with the keyboard and in every theme; the page also shows
it as a list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.urls import reverse
from django.utils.safestring import SafeString

from audit.actor import Actor
from governance.interfaces.html.svg import element
from registry import selectors
from registry.models import DatasetReference, ModelVersion
from registry.selectors.lineage import LineageNeighbourhood

COLUMN, ROW, WIDTH, HEIGHT, PAD = 226, 58, 182, 42, 14
LAYOUT_ITERATIONS = 8
SHOWN = 8
"""Maximum neighbours of one kind in the drawing; the list shows all."""

_Place = str | tuple[str, str, int]


@dataclass(frozen=True)
class Node:
    """A node: its kind (data, code, run, model), its text, and its URL."""

    id: str
    kind: str
    label: str
    note: str
    url: str = ""


@dataclass(frozen=True)
class Row:
    """A version in the list: “made from” or “made into”, directly or indirectly."""

    version: ModelVersion
    relation: str
    direct: bool


@dataclass(frozen=True)
class Lineage:
    """A version and its neighbours."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    focus: str
    hidden: int = 0
    """Number of versions in models that the user may not see."""
    cut: bool = False
    """Whether the traversal stopped at a limit."""
    datasets: tuple[DatasetReference, ...] = ()
    rows: tuple[Row, ...] = ()
    """The versions as a list."""

    @property
    def drawn(self) -> SafeString:
        return draw(self)


def build_lineage(actor: Actor, version: ModelVersion, *, steps: int = selectors.lineage.STEPS) -> Lineage:
    """Build the lineage of a version as far as the actor may see it.

    Args:
        actor: the user.
        version: the version at the centre.
        steps: maximum steps in each direction.

    Returns:
        Datasets, code, training run, ancestors and descendants. The drawing is limited per kind; the list is complete.
    """
    near = selectors.lineage.lineage_neighbourhood(actor, version, steps=steps)
    here = _id(version.pk)
    nodes = [_version_node(version)]
    edges: list[tuple[str, str]] = []
    if version.code_commit or version.code_repository:
        label = version.code_repository.rstrip("/").rpartition("/")[2] or "code"
        state = {True: "clean", False: "with local changes", None: ""}[version.code_clean]
        nodes.append(Node("code", "code", label, " · ".join(p for p in (version.code_commit[:10], state) if p)))
        edges.append(("code", here))
    if version.run_id:
        nodes.append(Node("run", "run", "training run", version.run_id, _http(version.run_link)))
        edges.append(("run", here))
    shown = {version.pk} | {
        v.pk for v in (*_few(near.ancestors, near, version), *_few(near.descendants, near, version))
    }
    nodes += [_version_node(v) for v in (*near.ancestors, *near.descendants) if v.pk in shown]
    edges += sorted((_id(parent), _id(child)) for child, parent in near.edges if child in shown and parent in shown)
    nodes += _data_nodes(near, shown, edges)
    rows = [_row(near, version, v, "made from") for v in near.ancestors]
    rows += [_row(near, version, v, "made into") for v in near.descendants]
    return Lineage(tuple(nodes), tuple(edges), here, near.hidden, near.cut, near.datasets, tuple(rows))


def _data_nodes(near: LineageNeighbourhood, shown: set[int], edges: list[tuple[str, str]]) -> list[Node]:
    """One node per dataset, with an edge to each version that references it. Appends the edges."""
    nodes: dict[str, Node] = {}
    for dataset in sorted(near.datasets, key=lambda d: d.version_id != near.version.pk):
        if dataset.version_id not in shown or (dataset.identity not in nodes and len(nodes) >= SHOWN):
            continue
        identifier = f"d:{dataset.identity}"
        note = f"{dataset.get_role_display().lower()} · {dataset.reference or dataset.digest[:10] or 'no digest'}"
        url = reverse("web:dataset", args=[dataset.identity])
        nodes.setdefault(dataset.identity, Node(identifier, "data", dataset.name, note, url))
        edge = (identifier, _id(dataset.version_id))
        if edge not in edges:
            edges.append(edge)
    return list(nodes.values())


def _few(versions: Sequence[ModelVersion], near: LineageNeighbourhood, version: ModelVersion) -> list[ModelVersion]:
    """The versions to draw: the nearest first, and of the others those connected to a drawn one."""
    beside = {pk for edge in near.edges if version.pk in edge for pk in edge}
    first = [v for v in versions if v.pk in beside][:SHOWN]
    kept = {v.pk for v in first} | {version.pk}
    hanging = {pk for edge in near.edges if set(edge) & kept for pk in edge} - kept
    return first + [v for v in versions if v.pk in hanging and v.pk not in beside][:SHOWN]


def _row(near: LineageNeighbourhood, version: ModelVersion, other: ModelVersion, relation: str) -> Row:
    direct = (other.pk, version.pk) in near.edges or (version.pk, other.pk) in near.edges
    return Row(other, relation, direct)


def _id(pk: int) -> str:
    return f"v:{pk}"


def _version_node(version: ModelVersion) -> Node:
    label = f"{version.model.slug} v{version.number}"
    return Node(_id(version.pk), "model", label, version.stage.name, _version_url(version))


def _version_url(version: ModelVersion) -> str:
    return reverse("web:version", args=[version.model.slug, version.number])


def _http(link: str) -> str:
    return link if link.startswith(("https://", "http://")) else ""


def layers(ids: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the column of each node: one after its last predecessor; a source just before its first successor.

    Raises:
        ValueError: the graph has a cycle.
    """
    after, before = defaultdict(list), defaultdict(list)
    for a, b in edges:
        after[a].append(b)
        before[b].append(a)
    layer: dict[str, int] = {}
    left = {i: len(before[i]) for i in ids}
    ready = [i for i in ids if not left[i]]
    while ready:
        node = ready.pop(0)
        layer[node] = max((layer[p] + 1 for p in before[node]), default=0)
        for follower in after[node]:
            left[follower] -= 1
            if not left[follower]:
                ready.append(follower)
    if len(layer) != len(ids):
        raise ValueError("the lineage has a cycle")
    for node in reversed(ids):
        if not before[node] and after[node]:
            layer[node] = min(layer[f] for f in after[node]) - 1
    return layer


def _columns(
    layer: dict[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[dict[int, list[_Place]], list[list[_Place]]]:
    """Return the columns, ordered with few crossings, and the chain of places of each edge."""
    columns: defaultdict[int, list[_Place]] = defaultdict(list)
    for node, at in layer.items():
        columns[at].append(node)
    chains: list[list[_Place]] = []
    near: dict[bool, defaultdict[_Place, list[_Place]]] = {True: defaultdict(list), False: defaultdict(list)}
    for a, b in edges:
        chain: list[_Place] = [a]
        for at in range(layer[a] + 1, layer[b]):
            chain.append((a, b, at))
            columns[at].append((a, b, at))
        chain.append(b)
        chains.append(chain)
        for x, y in pairwise(chain):
            near[False][x].append(y)
            near[True][y].append(x)
    for sweep in range(LAYOUT_ITERATIONS):
        rightwards = sweep % 2 == 0
        for at in sorted(columns, reverse=not rightwards):
            place = {v: (n + 0.5) / len(column) for column in columns.values() for n, v in enumerate(column)}
            beside = near[rightwards]

            def centre(
                v: _Place, place: dict[_Place, float] = place, beside: dict[_Place, list[_Place]] = beside
            ) -> float:
                others = beside.get(v)
                return sum(place[u] for u in others) / len(others) if others else place[v]

            columns[at].sort(key=centre)
    return columns, chains


def draw(lineage: Lineage) -> SafeString:
    """Render the graph as SVG."""
    columns, chains = _columns(layers([n.id for n in lineage.nodes], lineage.edges), lineage.edges)
    tall = max(len(column) for column in columns.values())
    height = tall * ROW + 2 * PAD
    spot: dict[_Place, tuple[float, float]] = {}
    for at, column in columns.items():
        top = (height - len(column) * ROW) / 2
        for n, v in enumerate(column):
            spot[v] = (PAD + at * COLUMN, top + n * ROW + ROW / 2)
    width = 2 * PAD + max(columns) * COLUMN + WIDTH
    parts = [_edge(chain, spot, hot=lineage.focus in (chain[0], chain[-1])) for chain in chains]
    parts += [_box(node, *spot[node.id], focus=node.id == lineage.focus) for node in lineage.nodes]
    return element(
        "svg",
        *parts,
        class_="lineage",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="group",
        aria_label="Lineage of this version",
    )


def _edge(chain: Sequence[_Place], spot: dict[_Place, tuple[float, float]], *, hot: bool) -> SafeString:
    points: list[tuple[float, float]] = []
    for n, v in enumerate(chain):
        x, y = spot[v]
        if n:
            points.append((x, y))
        if n < len(chain) - 1:
            points.append((x + WIDTH, y))
    path = f"M{points[0][0]:.0f},{points[0][1]:.0f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (x1 + x2) / 2
        path += f"C{middle:.0f},{y1:.0f} {middle:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    return element("path", class_="ln-e hot" if hot else "ln-e", d=path)


def _box(node: Node, x: float, y: float, *, focus: bool) -> SafeString:
    top = y - HEIGHT / 2
    inside = (
        element("title", f"{node.kind}: {node.label}, {node.note}"),
        element("rect", x=x, y=top, width=WIDTH, height=HEIGHT, rx=7),
        element("rect", class_="ln-k", x=x, y=top + 8, width=3, height=HEIGHT - 16, rx=1.5),
        element("text", _in_the_middle(node.label, 21), class_="ln-t", x=x + 13, y=y - 3),
        element("text", _cut(node.note, 24), class_="ln-s", x=x + 13, y=y + 12),
    )
    css = f"ln-n k-{node.kind}{' focus' if focus else ''}"
    return element("a", *inside, class_=css, href=node.url) if node.url else element("g", *inside, class_=css)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _in_the_middle(text: str, limit: int) -> str:
    """Shorten in the middle: the end of a label contains the version."""
    return text if len(text) <= limit else f"{text[: limit - 9]}…{text[-8:]}"
