"""How nodes say that a range of logs is too much: each provider in its own words. Pure.

A refusal that matches is answered by asking for less, at once; any other one by asking again later.
"""

import re

TOO_MUCH = re.compile(
    "|".join(
        (
            r"(more than|exceeds?|over|max(imum)?( of)?) ?[\d,]+k? (results|logs|entries|items)",
            r"(limit|maximum|max).{0,40}(block range|range of blocks|blocks? range|results|number of blocks|logs)",
            r"(block|query|blocks?|filter|requested|search|log) ?(height )?range.{0,40}"
            r"(too|exceed|limit|large|wide|greater|more|less|higher|big|long)",
            r"range.{0,30}(too (large|wide|big|long)|exceed|is greater|limit|should work|over)",
            r"exceed.{0,40}(range|limit|size|results|blocks|logs|max)",
            r"too many (results|logs|blocks|entries|topics matched)",
            r"(response|result|payload|content|body|logs?)( size| set| length)?.{0,30}(too (large|big|many)|exceed|limit)",
            r"query (returned|timeout|timed out|took)",
            r"(up to|at most|limited to|only) (a )?[\d,]+k? ?(block|blocks|range|results|logs)",
            r"(request|execution|query|operation) (timed out|timeout|aborted)",
            r"(smaller|narrow|reduce|shorten|decrease|lower).{0,30}(range|blocks|query|interval)",
            r"block range",
        )
    ),
    re.IGNORECASE,
)
TOO_OFTEN = re.compile(r"rate.?limit|request count|per (second|minute|day)|quota|throttl|credits|capacity", re.IGNORECASE)
HINT = re.compile(r"\[\s*(0x[0-9a-f]+|\d+)\s*,\s*(0x[0-9a-f]+|\d+)\s*\]", re.IGNORECASE)


def is_too_much(message: str) -> bool:
    """Whether a node's error message says that less should be asked for."""
    return TOO_MUCH.search(message) is not None and TOO_OFTEN.search(message) is None


def suggested_span(message: str, first: int) -> int | None:
    """How many blocks from `first` on the node says it would take, when it says so."""
    hint = HINT.search(message)
    if hint is None:
        return None
    low, high = (int(part, 0) for part in hint.groups())
    return high - low + 1 if low == first and high >= low else None
