/**
 * The plug-in point of task types: a schema (content → component) and what an answer is (class number). To add one: write a view, give it
 * a guard, and put it into KINDS under the metadata's task_type. See docs/WEB.md.
 */
import type { ComponentType } from "react";

export type TaskClass = { name: string; description?: string };
export type TaskContent = unknown;
export type Kind = {
  /** Whether the content is of this kind; anything else is shown as it is. */
  fits: (content: TaskContent) => boolean;
  View: ComponentType<{ content: never }>;
  /** Images to fetch before the task is shown. */
  images?: (content: never) => string[];
};

type Image = { image?: string | null; image_url?: string | null; alt?: string };

const has = (content: unknown, ...names: string[]): content is Record<string, string> =>
  typeof content === "object" && content !== null && names.every((name) => typeof (content as Record<string, unknown>)[name] === "string");

const source = (content: Image) => (content.image ? `/v1/content/${content.image}` : content.image_url!);

const ImageView = ({ content }: { content: Image }) => <img src={source(content)} alt={content.alt || "The image to label"} />;
const TextView = ({ content }: { content: { text: string } }) => <div className="text">{content.text}</div>;

const PairView = ({ content }: { content: { first: string; second: string } }) => (
  <div className="panes">
    <div className="pane"><h3>First</h3><div className="text">{content.first}</div></div>
    <div className="pane"><h3>Second</h3><div className="text">{content.second}</div></div>
  </div>
);

const PreferenceView = ({ content }: { content: { prompt: string; a: string; b: string } }) => (
  <div className="panes">
    <div className="prompt"><h3>Prompt</h3><div className="text">{content.prompt}</div></div>
    <div className="pane"><h3>Answer A</h3><div className="text">{content.a}</div></div>
    <div className="pane"><h3>Answer B</h3><div className="text">{content.b}</div></div>
  </div>
);

export const KINDS: Record<string, Kind> = {
  "image-choice": { fits: (c) => has(c, "image") || has(c, "image_url"), View: ImageView, images: (c: Image) => [source(c)] },
  "text-choice": { fits: (c) => has(c, "text"), View: TextView },
  "pair-choice": { fits: (c) => has(c, "first", "second"), View: PairView },
  preference: { fits: (c) => has(c, "prompt", "a", "b"), View: PreferenceView },
};

export const KIND_NAMES: Record<string, string> = {
  "image-choice": "Images",
  "text-choice": "Texts",
  "pair-choice": "Pairs of texts",
  preference: "Preference between two answers",
};

const kindOf = (content: TaskContent) => Object.values(KINDS).find((kind) => kind.fits(content));

export function TaskView({ content }: { content: TaskContent }) {
  const kind = kindOf(content);
  if (has(content, "erased") || (content as { erased?: boolean } | null)?.erased) return <p className="muted">This content was deleted on request.</p>;
  if (!kind) return <pre style={{ margin: 0, whiteSpace: "pre-wrap" }}>{JSON.stringify(content, null, 1)}</pre>;
  const View = kind.View as ComponentType<{ content: unknown }>;
  return <View content={content} />;
}

/** Fetches what a task shows, so that it appears at once. */
export function prefetch(content: TaskContent) {
  for (const url of kindOf(content)?.images?.(content as never) ?? []) new Image().src = url;
}

export const className = (classes: TaskClass[], answer: number | null | undefined) =>
  answer == null ? "no verdict" : (classes[answer]?.name ?? `class ${answer}`);

/** The classes of a dataset; numbers when this operator does not hold its metadata. */
export const classesOf = (dataset: { metadata?: { classes: TaskClass[] } | null; classes: number }): TaskClass[] =>
  dataset.metadata?.classes ?? Array.from({ length: dataset.classes }, (_, i) => ({ name: `Class ${i}` }));
