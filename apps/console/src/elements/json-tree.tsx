import { useState } from "react";
import type { JsonValue } from "@hsafa/protocol";
import { JSON_ENTRIES_SHOWN, JSON_OPEN_DEPTH, TEXT_SHOWN_CHARACTERS } from "../limits.ts";
import { grouped } from "../words/count.ts";
import { CopyButton } from "./copy-button.tsx";
import styles from "./json-tree.module.css";

/** A JSON value as a tree that folds. What is long is shown in part, and says how much is left. */
export function JsonTree({ value }: { readonly value: JsonValue }) {
  return (
    <div className={styles.tree}>
      <div className={styles.copy}>
        <CopyButton text={JSON.stringify(value, null, 2)} shown="copy JSON" title="Copy as JSON" />
      </div>
      <Node value={value} depth={0} />
    </div>
  );
}

function Node(props: { readonly name?: string; readonly value: JsonValue; readonly depth: number }) {
  const { name, value, depth } = props;
  if (typeof value !== "object" || value === null) {
    return (
      <div className={styles.line}>
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  return <Branch name={name} entries={entriesOf(value)} isList={Array.isArray(value)} depth={depth} />;
}

function Branch(props: {
  readonly name: string | undefined;
  readonly entries: readonly (readonly [string, JsonValue])[];
  readonly isList: boolean;
  readonly depth: number;
}) {
  const { name, entries, isList, depth } = props;
  const [isOpen, setOpen] = useState(depth < JSON_OPEN_DEPTH);
  const [shown, setShown] = useState(JSON_ENTRIES_SHOWN);
  const [left, right] = isList ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) {
    return (
      <div className={styles.line}>
        <Name name={name} />
        <span>{`${left}${right}`}</span>
      </div>
    );
  }
  return (
    <div>
      <button type="button" className={styles.fold} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true" className={styles.arrow}>
          {isOpen ? "▾" : "▸"}
        </span>
        <Name name={name} />
        <span className={styles.meta}>
          {left}
          {isOpen ? "" : ` ${grouped(entries.length)} ${right}`}
        </span>
      </button>
      {isOpen && (
        <div className={styles.within}>
          {entries.slice(0, shown).map(([key, child]) => (
            <Node key={key} name={key} value={child} depth={depth + 1} />
          ))}
          {shown < entries.length && (
            <button type="button" className={styles.more} onClick={() => setShown(shown + 10 * JSON_ENTRIES_SHOWN)}>
              {grouped(entries.length - shown)} more
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Name({ name }: { readonly name: string | undefined }) {
  return name === undefined ? null : <span className={styles.name}>{name}</span>;
}

function Leaf({ value }: { readonly value: string | number | boolean | null }) {
  const [isWhole, setWhole] = useState(false);
  if (typeof value !== "string") return <span className={styles.plain}>{String(value)}</span>;
  const isCut = !isWhole && value.length > TEXT_SHOWN_CHARACTERS;
  return (
    <span className={styles.text}>
      <bdi>{isCut ? value.slice(0, TEXT_SHOWN_CHARACTERS) : value}</bdi>
      {isCut && (
        <button type="button" className={styles.more} onClick={() => setWhole(true)}>
          {grouped(value.length - TEXT_SHOWN_CHARACTERS)} characters more
        </button>
      )}
    </span>
  );
}

function entriesOf(value: object): (readonly [string, JsonValue])[] {
  return Object.entries(value as Readonly<Record<string, JsonValue>>);
}
