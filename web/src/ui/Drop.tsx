/** Files by drag, or chosen. */
import { useState, type DragEvent, type ReactNode } from "react";

type Props = { label: string; hint: ReactNode; accept: string; take: (files: File[]) => void; children?: ReactNode };

export function Drop({ label, hint, accept, take, children }: Props) {
  const [over, set] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    set(false);
    take([...event.dataTransfer.files]);
  };
  return (
    <label className={`drop ${over ? "over" : ""}`} onDragOver={(event) => { event.preventDefault(); set(true); }} onDragLeave={() => set(false)} onDrop={drop}>
      <strong>{hint}</strong>
      {children}
      <input
        className="visually-hidden" type="file" multiple accept={accept} aria-label={label}
        onChange={(event) => {
          if (event.target.files?.length) take([...event.target.files]);
          event.target.value = ""; // so that the same file can be chosen again once it is mended
        }}
      />
    </label>
  );
}
