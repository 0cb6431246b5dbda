"""The words that a text may use beside its facts: none of them can state or deny anything.

Left out on purpose: numbers and their kin (half, double, several), units, directions and
comparisons (rise, more, above), states (safe, broken), causes (because, come from), negations
and doubts (not, hardly, maybe), conditions (if, unless), times (yesterday, still), commands
(stop, ignore), the matters themselves (error, change, release), and the names of services.
"""

_ARTICLES = "a an the this that these those it its which what who where how"
_JOINTS = "and or but also while with of for in on at to as about per then next first finally"
_FRAMES = "is are here now currently meanwhile overall altogether together further too"
_POINTING = "see note keep mind please consider let us worth noting following follows look looking"
_NOUNS = (
    "summary overview background detail details attention point points list figure figures "
    "picture situation status step steps action actions recommended recommendation "
    "recommendations advice team teams reader service services fleet"
)
WORDS = frozenset(f"{_ARTICLES} {_JOINTS} {_FRAMES} {_POINTING} {_NOUNS}".split())
