"""From settings to the objects of a search."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reinas.config.execution import make_placement, make_stopping
from reinas.config.options import SearchOptions
from reinas.config.places import with_data, with_place
from reinas.config.settings import SECTIONS, Setting, Settings, cited, merged, read, section
from reinas.devices import Placement
from reinas.errors import InvalidSettingError, SettingError, nearest
from reinas.finishing.recipe_grid import RecipeGrid
from reinas.fitting.plan import plan_for
from reinas.fronts import COSTS
from reinas.names import is_importable
from reinas.recorded import settings_of
from reinas.registry import DEFAULT_TASK, check, find, make, parameters, resolve
from reinas.seeds import derive
from reinas.spaces.base import AbstractSpace
from reinas.spaces.growth import Growth
from reinas.study.stopping import AbstractStopping
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import Recipe
from reinas.tasks.user_data import FileTask, cache_data

DEFAULT_POLICY = "bayes"  # docs/results/rl.md has why
DEFAULT_SPACE = "stages"
FITTING = {0: "lstm", 1: "tabular", 2: "stages", 3: "stages"}
"""Which space suits examples of this rank: words, rows of numbers, series, images."""


FOR_OBJECTIVES = {
    "bayes": "pareto",
    "pareto": "pareto",
    "evolution": "pareto-evolution",
    "pareto-evolution": "pareto-evolution",
}
"""The policies that take several objectives, by the names that people give."""


@dataclass(frozen=True)
class SearchConfig:
    """Everything that a search is made from.

    Args:
        options: The settings without a section.
        space: What may be built.
        task: What it is for.
        recipe: How children are trained.
        growth: How networks grow; None where they do not.
        policy: The policy's settings: making it needs torch, so that is left to `make_policy`.
        placement: Where children train; `auto` as it was given.
        stopping: Which children are given up early; None: none is.
        settings: All of it as it was given, for messages.
        build: The name of the function that builds networks, where the search has its own.
    """

    options: SearchOptions
    space: AbstractSpace[Any]
    task: AbstractTask
    recipe: Recipe
    growth: Growth | None
    policy: Mapping[str, Any]
    placement: Placement
    stopping: AbstractStopping | None
    settings: Settings
    build: str | None = None


def configure(*sources: Settings) -> SearchConfig:
    """The objects that the settings describe; later sources win.

    Raises:
        SettingError: A setting is unknown or wrong; the message cites where it was given.
    """
    settings = merged(*sources)
    _check_keys(settings)
    with cited(settings):
        options = read(SearchOptions, settings)
        space, task, recipe = _parts(settings)
        growing = check("growth", Growth, section(settings, "growth"))
        growth = Growth(**growing) if growing or options.grow else None
        policy = with_place({"name": DEFAULT_POLICY} | section(settings, "policy"))
        if "objectives" in policy:
            policy, task = with_objectives(policy, task)
        resolve("policy", policy)  # refuses what is wrong
        placement = make_placement(options)
        stopping = make_stopping(section(settings, "stopping"))
    return SearchConfig(options, space, task, recipe, growth, policy, placement, stopping, settings)


def _check_keys(settings: Settings) -> None:
    fields = SearchOptions.model_fields
    for key, setting in settings.items():
        head, dot, rest = key.partition(".")
        if (dot and head in SECTIONS and rest) or (not dot and key in fields):
            continue
        hint = nearest(head, [*fields, *SECTIONS])
        raise setting.cite(InvalidSettingError(head, f"is not known: {hint}"))


def _parts(settings: Settings) -> tuple[AbstractSpace[Any], AbstractTask, Recipe]:
    """Space, task and recipe, made; what is not given fits the rest.

    Where no space is named, or the one that suits the data, the space and the recipe are those
    with which `fit` begins. The paper's spaces come with the task's own recipe.
    """
    space, given = section(settings, "space"), with_data(section(settings, "task"))
    if "name" not in given:
        name = space.get("name", DEFAULT_SPACE)
        if not isinstance(name, str) or name not in DEFAULT_TASK:
            named = make("space", {"name": name} | space).name
            raise InvalidSettingError(
                "task", f"is missing: there is none that the space '{named}' is known to fit"
            )
        given = {"name": DEFAULT_TASK[name]} | given
    task: AbstractTask = make("task", given)
    usual, fitting = task.recipe, FITTING.get(len(task.inputs))
    if space.get("name", fitting) is None:
        shape = ", ".join(map(str, task.inputs))
        raise InvalidSettingError("space", f"is missing: none is known for examples ({shape})")
    if space.get("name", fitting) == fitting:
        plan = plan_for(task)
        usual, space = plan.recipe, {**settings_of(plan.space), **space}
        task = task if "whitening" in given else plan.prepared(task)
    elif space["name"] == "conv" and len(task.inputs) == 2:
        space = {"dimensions": 1, **space}
    recipe = check("recipe", Recipe, section(settings, "recipe"))
    return make("space", space), task, replace(usual, **recipe)


def with_objectives(
    policy: dict[str, Any], task: AbstractTask
) -> tuple[dict[str, Any], AbstractTask]:
    """The policy for several objectives, and the task whose children are measured by all of them.

    Args:
        policy: Its settings, with `objectives`: names, or a text of names between commas.
        task: The task.

    Raises:
        InvalidSettingError: The policy is for one objective, or no child is measured by one of
            the names.
    """
    given = policy["objectives"]
    names = given.split(",") if isinstance(given, str) else list(given)
    same = {"reward", task.reward_name, task.objective.score_name}
    found = ["reward" if name.strip() in same else name.strip() for name in names]
    if policy["name"] not in FOR_OBJECTIVES:
        raise InvalidSettingError(
            "policy.objectives",
            f"are for {', '.join(FOR_OBJECTIVES)}, but the policy is {policy['name']}",
        )
    measured = {"reward", "loss", *COSTS, *task.objective.metrics(0.0, 0.0)}
    for name in found:
        if name not in measured:
            hint = nearest(name, measured | same)
            raise InvalidSettingError("policy.objectives", f"'{name}' is not known: {hint}")
    measuring = task.measuring([name for name in found if name in COSTS])
    if isinstance(task, FileTask) and isinstance(measuring, FileTask):
        cache_data(measuring, task.data)  # it is the same file
    name = FOR_OBJECTIVES[policy["name"]]
    return {**policy, "name": name, "objectives": found}, measuring


def make_task(name: str) -> AbstractTask:
    """The task of that name, or images:FOLDER and its like, with its defaults."""
    made: AbstractTask = make("task", with_data({"name": name}))
    return made


def make_parts(settings: Settings) -> tuple[AbstractTask, dict[str, Any]]:
    """The task that settings describe, and what they say about its recipe.

    Raises:
        SettingError: A setting is unknown or wrong, or of another section.
    """
    for key, setting in settings.items():
        if not key.startswith(("task.", "recipe.")) and "." in key:
            raise setting.cite(
                InvalidSettingError(key, "is not known here: only task.* and recipe.* are")
            )
    task: AbstractTask = make("task", with_data(section(settings, "task")))
    return task, check("recipe", Recipe, section(settings, "recipe"))


def make_policy(config: SearchConfig) -> Any:
    """The policy; unless its seed is set, it is derived from the search's."""
    settings = config.policy
    if "seed" in parameters(find("policy", settings["name"])):
        settings = {"seed": derive(config.options.seed, "policy"), **settings}
    with cited(config.settings):
        return make("policy", settings, space=config.space)


def make_grid(settings: Settings) -> RecipeGrid:
    """The grid of recipes that `grid.*` settings describe."""
    for key, setting in settings.items():
        if not key.startswith("grid."):
            raise setting.cite(InvalidSettingError(key, "is not known: here are only grid.*"))
    with cited(settings):
        return RecipeGrid(**check("grid", RecipeGrid, section(settings, "grid")))


def restored(stored: Mapping[str, Any], options: Settings) -> SearchConfig:
    """The objects of a search that is in a store.

    Args:
        stored: The search's settings, as the store has them.
        options: What is given now; only settings that change no trial may be among them.

    Raises:
        SettingError: The search has parts that only the script that began it can make, or that
            cannot be imported here, or have changed.
    """
    if stored.get("schedule", {}).get("fit"):
        raise SettingError(
            "this is a fit, which trains, tests and saves by itself: the same `reinas fit` with its"
            " name goes on with it"
        )
    try:
        config = configure(_settings_of(stored), options)
        config = replace(config, build=stored["evaluator"].get("build"))
    except (KeyError, TypeError, AttributeError, InvalidSettingError) as error:
        what = f"there is no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        if isinstance(error, InvalidSettingError) and _is_in_a_module(stored, error.key):
            raise SettingError(
                f"this search cannot be continued as things are here: {what}"
            ) from None
        raise SettingError(
            f"this search was made in Python with parts of its own ({what}): continue it there,"
            " by calling reinas.search() again"
        ) from None
    _check_placement(config.placement, stored["evaluator"].get("placement", {}), options)
    return config


def _is_in_a_module(stored: Mapping[str, Any], key: str) -> bool:
    """Whether the part that a key belongs to was recorded as module:Name."""
    parts = {**stored, **stored["evaluator"]}
    part = parts.get(key.partition(".")[0])
    name = part.get("name", "") if isinstance(part, Mapping) else ""
    return ":" in name and is_importable(name)


def _check_placement(chosen: Placement, recorded: Mapping[str, Any], options: Settings) -> None:
    """Raise `InvalidSettingError` where options would change what is recorded of the placement."""
    given = [key for key in Placement.__slots__ if key in options]
    if not given:  # whether the device is here is found out where it is used
        return
    before, now = (
        {**Placement().everything, **settings}
        for settings in (recorded, chosen.resolved().settings)
    )
    for key in given:
        if now[key] != before[key]:
            raise InvalidSettingError(
                key,
                f"cannot become {options[key].value}: the search's children train with"
                f" {before[key]}, and other numbers would be mixed into it; leave it out, or"
                " search anew",
            )


def _settings_of(stored: Mapping[str, Any]) -> dict[str, Setting]:
    """What a store has, by dotted key."""
    evaluator = stored["evaluator"]
    sections = {
        "policy": stored["policy"],
        "space": stored["space"],
        "task": evaluator["task"],
        "recipe": evaluator["recipe"],
        "growth": stored.get("growth", {}),
        "stopping": stored.get("stopping", {}),
    }
    values = {f"{s}.{key}": value for s, part in sections.items() for key, value in part.items()}
    values |= {key: stored[key] for key in ("batch_size", "seed", "reuse")}
    values |= stored.get("schedule", {})
    values |= evaluator.get("placement", {})
    limits = evaluator.get("limits", {})
    values |= {f"max_{key}": value for key, value in limits.items()}
    if "latency" in limits:
        values["max_latency"] = 1000 * limits["latency"]  # seconds in the store
    return {key: Setting(value) for key, value in values.items()}
