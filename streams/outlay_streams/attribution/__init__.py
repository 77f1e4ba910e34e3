"""Attribution: who an event's cost belongs to, and why.

For each dimension, in this order; what stands is never replaced, except by a rule's `set`:

1. what the event says (empty text and the literal `unallocated` say nothing);
2. what the key registry says of the event's `key`;
3. the rules, in catalog order: `set` overrides what the event and its key say, and the first rule to set a dimension
   wins; `fill` gives a dimension that is still missing;
4. the org tree: app gives project and env, project gives team and use case, team gives department and business unit;
5. the organisation's defaults, narrowest dimension first, the tree going on from each;
6. else `unallocated`.

Rules match what the event says itself, never what a key or another rule gave. Keys, rules and tree documents hold for
the events whose time lies in their dates. `rule_id` names what gave something and what it gave; see `rule_id.py`.
"""

from outlay_streams.attribution.attributor import Attributor
from outlay_streams.attribution.explain import Explanation, Step, explain, explain_entry
from outlay_streams.attribution.rule_id import Part, format_rule_id, parse_rule_id

__all__ = ["Attributor", "Explanation", "Part", "Step", "explain", "explain_entry", "format_rule_id", "parse_rule_id"]
