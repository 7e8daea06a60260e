/** Challenging a published settlement: a jury computes it again, and who is wrong loses the bond. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { read, send } from "../../lib/chain";
import { addressOf, useDeployment } from "../../lib/config";
import { lbl, until } from "../../lib/format";
import { useWallet } from "../../lib/wallet";
import { Dialog, Note, Problem, Tx } from "../../ui";

export function Appeal({ round, ends }: { round: number; ends: number }) {
  const wallet = useWallet();
  const config = useDeployment();
  const [bond, show] = useState<bigint | null>(null);
  const look = useMutation({ mutationFn: () => read<bigint>(wallet!.wagmi, config, "Jury", "bondOf", [round]), onSuccess: show });
  const challenge = useMutation({
    mutationFn: async () => {
      await send(wallet!.wagmi, config, "Ledger", "allow", [addressOf(config, "Jury"), bond!]);
      return send(wallet!.wagmi, config, "Jury", "challenge", [round]);
    },
  });
  if (!wallet) return null;
  return (
    <>
      <button className="button small" onClick={() => look.mutate()} disabled={look.isPending}>Appeal against this settlement</button>
      <Problem error={look.error} />
      {bond !== null && (
        <Dialog title="Appeal" close={() => show(null)} wide>
          <p>A jury of validators, none of them from the panel, computes the settlement from the evidence. If it differs from what was published, the published one is thrown out and the right one is paid.</p>
          <p>You put up <strong>{lbl(bond)} LBL</strong> from your Ledger account. It comes back, and more, if you are right; you lose it if you are wrong. Still {until(ends)}.</p>
          <p className="muted">A settlement is wrong when it is not what the rule gives. That the rule pays less than you hoped for is no reason: check it first with <code>labelshare settle check {round}</code>.</p>
          <Problem error={challenge.error} />
          {challenge.data ? <Note kind="good">Challenged: <Tx hash={challenge.data} /></Note> : (
            <button className="button primary" onClick={() => challenge.mutate()} disabled={challenge.isPending}>Put up the bond and challenge</button>
          )}
        </Dialog>
      )}
    </>
  );
}
