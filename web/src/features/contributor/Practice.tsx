/** Three items to try without a wallet; each answer is judged at once. */
import { useMutation } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { api, isMissing, must, type Schema } from "../../lib/api";
import { go, Link } from "../../lib/router";
import { Annotator, type Answers } from "../../tasks/Annotator";
import { className } from "../../tasks";
import { Found, Note, Problem, Title, usePolled } from "../../ui";

export default function Practice({ id }: { id: string }) {
  const dataset = Number(id);
  const practice = usePolled(["practice", dataset], () => must(api.GET("/v1/datasets/{dataset}/practice", { params: { path: { dataset } } })));
  const view = usePolled(["dataset", dataset], () => must(api.GET("/v1/datasets/{dataset}", { params: { path: { dataset } } })));
  if (isMissing(practice.error)) return <Note>This dataset has no practice items. <Link href={`/datasets/${id}`}>To the dataset</Link></Note>;
  return <Found query={practice}>{(data) => <Trial data={data} round={view.data?.open_round ?? null} instructions={view.data?.metadata?.instructions ?? ""} />}</Found>;
}

function Trial({ data, round, instructions }: { data: Schema["PracticeView"]; round: number | null; instructions: string }) {
  const [answers, set] = useState<Answers>({});
  const [feedback, judge] = useState<Record<number, Schema["PracticeFeedback"]>>({});
  const [done, end] = useState(false);
  const classes = useMemo(() => data.classes.map((name) => ({ name })), [data.classes]);
  const ask = useMutation({
    mutationFn: (body: Schema["PracticeAnswer"]) => must(api.POST("/v1/datasets/{dataset}/practice", { params: { path: { dataset: data.dataset } }, body })),
    onSuccess: (verdict, { item }) => judge((before) => ({ ...before, [item]: verdict })),
  });
  const { mutate } = ask;
  const answer = useCallback(
    (item: number, choice: number | null) => {
      set(({ [item]: _, ...rest }) => (choice === null ? rest : { ...rest, [item]: choice }));
      judge(({ [item]: _, ...rest }) => rest);
      if (choice !== null) mutate({ item, answer: choice });
    },
    [mutate],
  );
  const finish = useCallback(() => end(true), []);
  const right = Object.values(feedback).filter((one) => one.right).length;

  return (
    <>
      <Title>Practice</Title>
      <h1>Practice</h1>
      {done ? (
        <div className="card">
          <h2>{right} of {data.items.length} right</h2>
          <p>Nothing of this was kept. For pay you connect a wallet and sign once; after that labeling asks for nothing more.</p>
          <div className="row">
            {round !== null && <button className="button primary" onClick={() => go(`/label/${round}`)}>Label for pay</button>}
            <button className="button" onClick={() => { set({}); judge({}); end(false); }}>Practice again</button>
          </div>
        </div>
      ) : (
        <>
          <p className="muted">Three items, no wallet, nothing is kept. Press a key and Enter.</p>
          <Problem error={ask.error} />
          <Annotator
            items={data.items.map((item) => ({ id: item.item, content: item.content }))}
            classes={classes} question={data.question} instructions={instructions} answers={answers} onAnswer={answer} onEnd={finish}
            after={(item) => {
              const verdict = feedback[item.id];
              return (
                <div aria-live="polite">
                  {verdict && <Note kind={verdict.right ? "good" : "warn"}><strong>{verdict.right ? "Right." : `It is ${className(classes, verdict.expected)}.`}</strong> {verdict.explanation}</Note>}
                </div>
              );
            }}
          />
        </>
      )}
    </>
  );
}
