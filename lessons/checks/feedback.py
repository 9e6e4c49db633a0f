"""Tell a student in words what a check found, and let the lesson go on either way.

A check is an ordinary function that calls the student's function and states what it expects:

    @exercise(reference=double)
    def check_double(double):
        expect("double(3)", double(3), 6, "twice the input", mistakes={9: "that is the square"})

`check_double(double)` prints the verdict and returns a function to go on with: the student's
when it passes, the reference otherwise. So no later cell depends on an exercise being solved.
"""

import functools
import math
import sys
import traceback
from pathlib import Path

results = {}  # name of the exercise -> solved?, in the order in which the checks ran


class NotYet(Exception):
    """What is not right yet, in words meant for the student."""


def expect(given, got, expected, hint="", mistakes=(), tolerance=1e-6):
    """Go on when `got` is `expected`; otherwise raise NotYet with both, and with what may be wrong.

    `mistakes` pairs a typical wrong outcome with the words that explain it; `hint` serves the rest.
    """
    if same(got, expected, tolerance):
        return
    pairs = mistakes.items() if isinstance(mistakes, dict) else mistakes
    known = [words for outcome, words in pairs if same(got, outcome, tolerance)]
    raise NotYet(explain(given, expected, got, (known or [hint])[0]))


def expect_error(given, action, kind, hint):
    """Go on when the action raises this kind of exception."""
    try:
        got = action()
    except kind:
        return
    raise NotYet(explain(given, kind.__name__, got, hint))


def explain(given, expected, got, hint):
    """Four aligned lines: what was given, what should come out, what came out, and a hint."""
    lines = [f"given     {given}", f"expected  {show(expected)}", f"got       {show(got)}"]
    return "\n".join(lines + ([f"hint      {hint}"] if hint else []))


def exercise(reference, hints=()):
    """Turn a check into one that reports, remembers, and returns a function that works.

    `hints` is a dict from words of an error message to what a student who meets it should know.
    """

    def decorate(check):
        name = check.__name__.removeprefix("check_")

        @functools.wraps(check)
        def report(student):
            problem = find_problem(check, student, dict(hints))
            results[name] = problem is None
            print(verdict(name, problem))
            return reference if problem else student

        report.reference = reference
        return report

    return decorate


def find_problem(check, student, hints):
    """Run one check; None when all is well, else the words that say what is not."""
    try:
        check(student)
    except NotYet as finding:
        return str(finding)
    except NotImplementedError as unsolved:
        return f"not written yet   {unsolved}"
    except RecursionError:
        return (
            "stopped   by Python: too many calls inside calls (about 1,000 are allowed)\n"
            "hint      graphs are deep; keep the work still to do in a list and loop over it"
        )
    except Exception as error:
        name_and_text = f"{type(error).__name__}: {error}"
        known = [f"\nhint      {hints[words]}" for words in hints if words in name_and_text]
        return f"raised    {brief(error)}\nat        {where(error)}" + "".join(known[:1])
    return None


def brief(error):
    """The kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def where(error):
    """The deepest line of the student's own code that an error passed through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not ours(f.filename)]
    if not frames:
        return "the check itself: was something of another kind returned than the text asks for?"
    last = frames[-1]
    return f"line {last.lineno} of the cell, in {last.name}: {last.line}"


def ours(filename):
    """Whether a file belongs to the checks or to an installed library, not to the student."""
    library = getattr(sys.modules.get("minigrad"), "__file__", None) or __file__
    folders = (Path(__file__).parent, Path(library).parent, Path(functools.__file__).parent)
    return any(folder in Path(filename).parents for folder in folders)


def verdict(name, problem):
    """What the student reads under the check cell."""
    if problem is None:
        return f"{name}: right."
    told = "\n".join("    " + line for line in problem.splitlines())
    onward = "The lesson goes on with a reference; change yours and run both cells again."
    return f"{name}: not yet.\n{told}\n  {onward}"


def summary():
    """Print which exercises of the lesson are solved."""
    print(f"{sum(results.values())} of {len(results)} exercises solved")
    for name, solved in results.items():
        print(f"  {'right  ' if solved else 'not yet'}  {name}")


def same(got, expected, tolerance=1e-6):
    """Equality with a tolerance for floats, through tensors, lists, tuples and dicts."""
    got, expected = plain(got), plain(expected)
    if isinstance(expected, list):
        alike = isinstance(got, list) and len(got) == len(expected)
        return alike and all(same(a, b, tolerance) for a, b in zip(got, expected, strict=True))
    if is_number(expected) and is_number(got):
        return math.isclose(got, expected, rel_tol=tolerance, abs_tol=tolerance)
    return type(got) is type(expected) and got == expected


def plain(thing):
    """Tensors and tuples as lists; everything else as it is."""
    if hasattr(thing, "tolist"):
        return thing.tolist()
    return list(thing) if isinstance(thing, tuple) else thing


def is_number(thing):
    return isinstance(thing, (int, float)) and not isinstance(thing, bool)


def show(thing):
    """A value as a student would write it, floats with six digits."""
    if isinstance(thing, float):
        return f"{thing:.6g}"
    if hasattr(thing, "tolist"):
        return f"tensor of shape {tuple(thing.shape)}: {show(thing.tolist())}"
    if isinstance(thing, (list, tuple)):
        inside = ", ".join(show(item) for item in thing)
        if isinstance(thing, list):
            return f"[{inside}]"
        return f"({inside},)" if len(thing) == 1 else f"({inside})"
    return thing if isinstance(thing, str) else repr(thing)
