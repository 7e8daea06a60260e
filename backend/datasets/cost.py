"""What a round costs (specification R2). Pure."""

from backend.datasets.requester_schemas import CostView
from backend.errors import Invalid

RATE = 256


def cost(
    tasks: int, labels_per_task: int, min_labels: int, reward: int, audit_fee: int, audit_rate: int, panel_size: int
) -> CostView:
    """The reserve of a round, base units, and the least it can come to when nothing is refused. Raises Invalid from 2^256 on."""
    budget = tasks * labels_per_task
    audited = -(-tasks * audit_rate // RATE)
    fees = audited * panel_size * audit_fee
    if budget * reward + fees >= 1 << 256:
        raise Invalid("cost_too_large", "The reserve is more than a Ledger account can hold; check reward and audit fee.")
    return CostView(
        label_budget=budget,
        audited_tasks=audited,
        label_rewards=str(budget * reward),
        audit_fees=str(fees),
        reserve=str(budget * reward + fees),
        least=str(tasks * min(min_labels, labels_per_task) * reward + fees),
    )
