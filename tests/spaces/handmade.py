"""Lists of decisions made by hand and at random, and what they mean by brute force."""

from itertools import product

from hypothesis import strategies as st

from reinas.types import Choice, Link, When


def choice(name, options=2, layer=0, when=()):
    """A choice whose kind says how many options it has."""
    return Choice(name, f"of {options}", tuple(range(options)), layer, when)


def when(decision, *values):
    """A condition, as a tuple of one."""
    return (When(decision, values),)


# A tree: b hangs on a, c on b; d hangs on two at once.
NESTED = (
    choice("a", 3),
    choice("b", 2, when=when("a", 1, 2)),
    choice("c", 4, when=when("b", 0)),
    choice("d", 3, when=when("a", 2) + when("b", 1)),
    choice("e", 2, when=when("c", 0, 3)),
)

# Links that are active only for some types of layer, and a choice that hangs on a link.
CONDITIONAL_LINKS = (
    choice("type1", 2, 1),
    choice("type2", 3, 2),
    Link("1to2", 1, 2, when("type2", 0, 2)),
    choice("type3", 2, 3, when("type1", 1)),
    Link("1to3", 1, 3, when("type3", 1)),
    Link("2to3", 2, 3, when("type1", 0)),
    choice("rate", 3, when=when("1to2", 1)),
)

# Layers 1 and 3 have no choices: layer 1 only gives, layer 3 only takes.
LAYERS_OF_LINKS_ONLY = (
    choice("size2", 3, 2),
    Link("1to2", 1, 2),
    Link("1to3", 1, 3),
    Link("2to3", 2, 3, when("1to2", 1)),
    choice("size4", 2, 4),
    Link("3to4", 3, 4, when("2to3", 0)),
)

# No softmax at all.
LINKS_ONLY = (
    Link("1to2", 1, 2),
    Link("1to3", 1, 3),
    Link("2to3", 2, 3),
    Link("1to4", 1, 4, when("1to3", 1)),
)

# The depth first: whole layers, with their links, are active or not.
DEPTH_FIRST = (
    choice("depth", 3),
    choice("size1", 2, 1),
    choice("size2", 2, 2, when("depth", 1, 2)),
    Link("1to2", 1, 2, when("depth", 1, 2)),
    choice("size3", 2, 3, when("depth", 2)),
    Link("1to3", 1, 3, when("depth", 2)),
    Link("2to3", 2, 3, when("depth", 2)),
    choice("rate", 3),
)

LISTS = {
    "nested": NESTED,
    "conditional links": CONDITIONAL_LINKS,
    "layers of links only": LAYERS_OF_LINKS_ONLY,
    "links only": LINKS_ONLY,
    "depth first": DEPTH_FIRST,
}


def active(decisions, answers):
    """Which decisions are active by definition: all parents are active and fit."""
    place = {d.name: t for t, d in enumerate(decisions)}

    def is_active(t):
        parents = [(place[w.decision], w.values) for w in decisions[t].when]
        return all(
            is_active(p) and decisions[p].choices[answers[p]] in fitting for p, fitting in parents
        )

    return tuple(is_active(t) for t in range(len(answers)))


def plain(decisions, answers):
    """The canonical form by definition: 0 wherever it is inactive."""
    flags = active(decisions, answers)
    return tuple(a if flag else 0 for a, flag in zip(answers, flags, strict=True))


def brute(decisions):
    """All canonical answers, in order: the full product, made canonical, without repeats."""
    everything = product(*(range(d.num_options) for d in decisions))
    return sorted({plain(decisions, answers) for answers in everything})


@st.composite
def decision_lists(draw, most=2000):
    """Well-formed lists: layers of choices and then links, conditions on anything earlier.

    At most `most` answers in the full product. A link does not depend on its own layer's links,
    which are decided together.
    """
    decisions = []
    product_ = 1

    def conditions(candidates):
        if not candidates or not draw(st.booleans()):
            return ()
        parents = draw(st.lists(st.sampled_from(candidates), min_size=1, max_size=3))
        return tuple(
            When(
                p.name,
                tuple(
                    draw(
                        st.frozensets(
                            st.sampled_from(p.choices), min_size=1, max_size=p.num_options
                        )
                    )
                ),
            )
            for p in parents
        )

    layers = draw(st.integers(0, 4))
    for layer in range(layers + 1):
        for n in range(draw(st.integers(0 if layer else 1, 2))):
            options = draw(st.integers(1, 4))
            if product_ * options > most:
                continue
            product_ *= options
            tag = draw(st.sampled_from("xy"))
            decisions.append(
                Choice(
                    f"choice{layer}.{n}",
                    f"{tag}{options}",
                    tuple(range(options)),
                    layer,
                    conditions(list(decisions)),
                )
            )
        before = list(decisions)
        for source in range(1, layer):
            if product_ * 2 <= most and draw(st.booleans()):
                product_ *= 2
                decisions.append(Link(f"{source}to{layer}", source, layer, conditions(before)))
    return tuple(decisions)


@st.composite
def any_lists(draw):
    """Lists in any order, well formed or not: up to six choices and links of layers 0 to 4."""
    decisions = []
    for n in range(draw(st.integers(1, 6))):
        parents = draw(st.lists(st.sampled_from(decisions), max_size=2)) if decisions else []
        conditions = tuple(When(p.name, (draw(st.sampled_from(p.choices)),)) for p in parents)
        if draw(st.booleans()):
            options = draw(st.integers(1, 3))
            decisions.append(choice(f"d{n}", options, draw(st.integers(0, 4)), conditions))
        else:
            target = draw(st.integers(2, 4))
            source = draw(st.integers(1, target - 1))
            decisions.append(Link(f"d{n}", source, target, conditions))
    return tuple(decisions)
