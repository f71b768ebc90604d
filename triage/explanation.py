"""Why a surge is one: terms and values over-represented in it, and whom it concerns."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from triage.alerts import Group


def over_represented(
    inside: Mapping[str, float],
    background: Mapping[str, float],
    *,
    prior_total: float = 500.0,
    min_z: float = 2.0,
    n_terms: int = 6,
) -> list[tuple[str, float]]:
    """Find what stands in a surge more often than elsewhere.

    Log-odds with an informative Dirichlet prior: words that are merely frequent, or merely rare,
    do not come out on top.

    Parameters
    ----------
    inside, background : mapping of str to float
        Counts within the surge and elsewhere.
    prior_total : float, default=500
        Weight of the prior, whose shape is the background.
    min_z : float, default=2
        Least z-score that is told.
    n_terms : int, default=6
        At most so many.

    Returns
    -------
    list of (str, float)
        Terms with z-scores, strongest first.

    References
    ----------
    Monroe, Colaresi and Quinn (2008), Fightin' Words: lexical feature selection and evaluation
    for identifying the content of political conflict. Political Analysis 16, 372-403.

    Examples
    --------
    >>> everywhere = {"物业": 500.0, "搅拌站": 3.0, "噪音": 60.0}
    >>> [term for term, _ in over_represented({"搅拌站": 9.0, "物业": 8.0}, everywhere)]
    ['搅拌站']
    """
    n_inside = sum(inside.values())
    n_background = sum(background.values())
    if n_inside <= 0 or n_background <= 0:
        return []
    found = []
    for term, count in inside.items():
        outside = background.get(term, 0.0)
        prior = prior_total * (outside + 0.5) / (n_background + 0.5)
        odds_inside = (count + prior) / (n_inside + prior_total - count - prior)
        odds_outside = (outside + prior) / (n_background + prior_total - outside - prior)
        if odds_inside <= 0 or odds_outside <= 0:
            continue
        z = math.log(odds_inside / odds_outside)
        z /= math.sqrt(1.0 / (count + prior) + 1.0 / (outside + prior))
        if z >= min_z:
            found.append((term, z))
    found.sort(key=lambda item: (-item[1], item[0]))
    return found[:n_terms]


def tell_group(
    customers: Sequence[str], fields: Iterable[Mapping[str, str]], *, share: float = 0.8
) -> Group:
    """Tell an individual from a systematic matter.

    Parameters
    ----------
    customers : sequence of str
        Who complained, one entry per complaint.
    fields : iterable of mapping of str to str
        What is known of each complaint: ``unit``, ``product`` and others.
    share : float, default=0.8
        Share of the complaints from which one value counts as all.

    Returns
    -------
    str
        ``one_customer``, ``one_unit``, ``one_product`` or ``everywhere``.

    Examples
    --------
    >>> tell_group(["甲", "乙", "丙"], [{"unit": "城西店"}] * 3)
    'one_unit'
    """
    rows = list(fields)
    if customers and Counter(customers).most_common(1)[0][1] >= share * len(customers) > 1:
        return "one_customer"
    named: tuple[tuple[str, Group], ...] = (("unit", "one_unit"), ("product", "one_product"))
    for name, group in named:
        values = Counter(row[name] for row in rows if name in row)
        if values and values.most_common(1)[0][1] >= share * len(rows):
            return group
    return "everywhere"
