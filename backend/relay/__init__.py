"""Relaying: what is to be sent, by whom, exactly once.

States of an outbox row

    queued ──▶ in a transaction ──▶ (its transaction is final)     what was accepted is on chain
      ▲  └──▶ refused: `error` says why it never can be                 └──▶ refused: the contract passed over it, and why
      └── back, when its transaction is lost, reverted as a batch, or passed over it because one before it did

States of a transaction, which is one nonce

    pending ──▶ mined ──▶ final         `hash` and block say where
       ▲  │  └▶ reverted ──▶ final
       │  │        │
       └──┼────────┘                    a reorganization dropped it: the same bytes are sent again
          └────▶ lost or foreign, final another transaction of the key took the nonce for good

Invariants

1. Row, nonce and signed bytes are committed in one SQL transaction, before the first broadcast. (chain, sender, nonce) is unique,
   and so is each version's hash; the next nonce is computed from those rows and the chain, and kept nowhere else.
2. All versions of a nonce call the same target with the same data and gas; they differ in fees only. So whichever is mined, the
   row took effect, and once: a chain takes a nonce once.
3. A row returns to the queue only when what it was in can never take effect: the finalized nonce is past it and none of its
   versions has a receipt; or when it is an item of a batch that had no effect on chain, where the contract itself takes each item
   once (a submission by its sequence number, an allowance by its nonce, a session by its key, a drip by its address).
4. Whoever commits anything holds the lease: each of these SQL transactions first requires the fence it took. A stale holder's
   commit fails; what it can still broadcast is what was committed, the same bytes.
5. Nothing new is signed while the chain knows a transaction of the key that the database does not (a backup was restored, or the
   key was used elsewhere): each is looked up, and the rows that are in it count as sent.
"""
