import { type ReactNode, useId, useMemo, useState } from "react";
import { SideBySide } from "../differences/side-by-side.tsx";
import type { Aspect } from "./aligned-steps.ts";
import styles from "./compare-page.module.css";

/** One part of two runs, such as a step. What is the same in both is folded unless `showsAll`. */
export function ComparedPart(props: {
  readonly title: ReactNode;
  /** What stands on the right of the title. */
  readonly more?: ReactNode;
  readonly aspects: readonly Aspect[];
  /** Whether one of the runs has no such part. */
  readonly isAlone?: "a" | "b";
  readonly showsAll: boolean;
}) {
  const { title, more, aspects, isAlone, showsAll } = props;
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const different = aspects.filter(({ a, b }) => a !== b);
  const same = aspects.filter(({ a, b }) => a === b && a !== "");
  const differs = different.length > 0 || isAlone !== undefined;
  const shown = showsAll || isOpen;
  return (
    <section
      className={`${styles.part} ${differs ? styles.differs : ""}`}
      aria-labelledby={id}
      {...(differs ? { "data-differs": "", tabIndex: -1 } : {})}
    >
      <header className={styles.title}>
        <span className={styles.mark}>
          <span aria-hidden="true">{differs ? "≠" : "="}</span>
          <span className="unseen">{differs ? "different: " : "the same: "}</span>
        </span>
        <h3 id={id}>{title}</h3>
        <span className={styles.what}>{whatDiffers(different, isAlone)}</span>
        {same.length > 0 && !showsAll && (
          <button type="button" className={styles.fold} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? "hide" : "show"} what is the same
          </button>
        )}
        <span className={styles.more}>{more}</span>
      </header>
      {different.map((aspect) => (
        <div key={aspect.name} className={styles.aspect}>
          {/* The title has named the only one. */}
          {different.length > 1 && <h4>{aspect.name}</h4>}
          <Lines aspect={aspect} />
        </div>
      ))}
      {shown &&
        same.map(({ name, a }) => (
          <div key={name} className={styles.aspect}>
            <h4>{name}, the same in both</h4>
            <pre className={styles.same}>{a}</pre>
          </div>
        ))}
    </section>
  );
}

function Lines({ aspect: { name, a, b } }: { readonly aspect: Aspect }) {
  const before = useMemo(() => linesIn(a), [a]);
  const after = useMemo(() => linesIn(b), [b]);
  return <SideBySide before={before} after={after} label={name} />;
}

function linesIn(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

function whatDiffers(different: readonly Aspect[], isAlone: "a" | "b" | undefined): string {
  if (isAlone !== undefined) return `only in the ${isAlone === "a" ? "first" : "second"}`;
  return different.length === 0 ? "the same" : different.map(({ name }) => name).join(", ");
}
