/** One task after another by keys: a digit chooses, Enter goes on. It knows nothing of where tasks come from or answers go. */
import { useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { Dialog } from "../ui";
import { prefetch, TaskView, type TaskClass } from ".";

export type Item = { id: number; content: unknown };
export type Answers = Record<number, number>;

/** Keys of the classes: 1–9, then letters that are no commands. */
const KEYS = "123456789abcdefghijklmnopqrtvwxyz";

/** The key of each class: the digit or letter that it is named by, when all are (A and B); else 1–9 and letters in order. */
function keysOf(classes: TaskClass[]): string[] {
  const names = classes.map((entry) => entry.name.toLowerCase());
  return names.every((name) => /^[0-9a-rtv-z]$/.test(name)) ? names : classes.map((_, index) => KEYS[index] ?? "");
}

type Props = {
  items: Item[];
  classes: TaskClass[];
  question: string;
  instructions?: string;
  answers: Answers;
  /** A choice, or none again. */
  onAnswer: (item: number, answer: number | null) => void;
  /** After the last item. */
  onEnd: () => void;
  start?: number;
  aside?: ReactNode;
  after?: (item: Item) => ReactNode;
};

export function Annotator({ items, classes, question, instructions, answers, onAnswer, onEnd, start = 0, aside, after }: Props) {
  const [at, moveTo] = useState(Math.min(start, Math.max(0, items.length - 1)));
  const [trail, setTrail] = useState<number[]>([]);
  const [help, setHelp] = useState(false);
  const keys = useMemo(() => keysOf(classes), [classes]);
  const item = items[at];
  const chosen = item ? answers[item.id] : undefined;

  useEffect(() => {
    for (const next of items.slice(at, at + 4)) prefetch(next.content);
  }, [items, at]);

  const next = useCallback(() => {
    setTrail((before) => [...before, at]);
    if (at + 1 < items.length) moveTo(at + 1);
    else onEnd();
  }, [at, items.length, onEnd]);

  const undo = useCallback(() => {
    const last = trail.at(-1);
    if (chosen !== undefined && item) onAnswer(item.id, null);
    else if (last !== undefined) {
      setTrail(trail.slice(0, -1));
      moveTo(last);
    }
  }, [trail, chosen, item, onAnswer]);

  const skip = useCallback(() => {
    if (item) onAnswer(item.id, null);
    next();
  }, [item, next, onAnswer]);

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || document.querySelector("dialog[open]")) return;
      const index = keys.indexOf(event.key.toLowerCase());
      if (event.key === "?") setHelp(true);
      else if (event.key === "Enter" && !/^(A|BUTTON)$/.test(target.tagName) && chosen !== undefined) next();
      else if (event.key === "Enter" && target.getAttribute("role") === "radio" && chosen !== undefined) next();
      else if (event.key.toLowerCase() === "u" || event.key === "Backspace") undo();
      else if (event.key.toLowerCase() === "s") skip();
      else if (item && index >= 0) onAnswer(item.id, index);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [chosen, keys, item, next, onAnswer, skip, undo]);

  if (!item) return null;
  return (
    <div className="task">
      <div>
        <div className="row apart" style={{ marginBottom: "0.6rem" }}>
          <span className="muted small" data-testid="position">Item {at + 1} of {items.length}</span>
          <button className="button quiet small" onClick={() => setHelp(true)}>Keys <kbd>?</kbd></button>
        </div>
        <div className="stage" data-testid="task" data-item={item.id}><TaskView key={item.id} content={item.content} /></div>
      </div>
      <div className="stack">
        <h2 style={{ margin: 0 }} id="question">{question}</h2>
        <div className={`answers ${classes.length > 6 ? "many" : ""}`} role="radiogroup" aria-labelledby="question">
          {classes.map((entry, index) => (
            <button key={index} className="answer" role="radio" aria-checked={chosen === index} title={entry.description || undefined} onClick={() => onAnswer(item.id, index)}>
              <kbd>{keys[index]}</kbd>{entry.name}
            </button>
          ))}
        </div>
        {after?.(item)}
        <div className="row">
          <button className="button primary" disabled={chosen === undefined} onClick={next}>Next <kbd>Enter</kbd></button>
          <button className="button" onClick={undo} disabled={chosen === undefined && !trail.length}>Undo <kbd>U</kbd></button>
          <button className="button" onClick={skip}>Skip <kbd>S</kbd></button>
        </div>
        {aside}
        {instructions && <details><summary>Instructions</summary><p style={{ whiteSpace: "pre-line", marginTop: "0.5rem" }}>{instructions}</p></details>}
      </div>
      {help && (
        <Dialog title="Keys" close={() => setHelp(false)}>
          <table>
            <tbody>
              <tr><td><kbd>{keys[0]}</kbd> – <kbd>{keys.at(-1)}</kbd></td><td>choose an answer; each shows its key</td></tr>
              <tr><td><kbd>Enter</kbd></td><td>go on to the next item</td></tr>
              <tr><td><kbd>U</kbd> or <kbd>⌫</kbd></td><td>undo the choice, or go back</td></tr>
              <tr><td><kbd>S</kbd></td><td>skip: you hand in no answer to this item</td></tr>
              <tr><td><kbd>?</kbd></td><td>this list; <kbd>Esc</kbd> closes it</td></tr>
            </tbody>
          </table>
          {instructions && <><h3 style={{ marginTop: "1rem" }}>Instructions</h3><p style={{ whiteSpace: "pre-line" }}>{instructions}</p></>}
        </Dialog>
      )}
    </div>
  );
}
