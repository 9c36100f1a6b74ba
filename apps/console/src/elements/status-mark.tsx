import type { StatusWords, Tone } from "../words/status-words.ts";
import styles from "./status-mark.module.css";
import tones from "./status-tones.module.css";

/** The mark of a state: a shape of its own for each, in its colour. */
export function StatusMark({ tone }: { readonly tone: Tone }) {
  const motion = tone === "running" ? styles.turning : "";
  return (
    <svg
      className={`${styles.mark} ${tones[tone]} ${motion}`}
      viewBox="0 0 16 16"
      width="14"
      height="14"
      aria-hidden="true"
    >
      {shapeOf(tone)}
    </svg>
  );
}

/** The mark of a state with its word. */
export function StatusLabel({ words }: { readonly words: StatusWords }) {
  return (
    <span className={`${styles.label} ${tones[words.tone]}`}>
      <StatusMark tone={words.tone} />
      {words.word}
    </span>
  );
}

function shapeOf(tone: Tone) {
  switch (tone) {
    case "queued":
      return (
        <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2.4 2.2" />
      );
    case "running":
      return (
        <g>
          <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.8" opacity="0.3" />
          <path
            d="M8 2.5a5.5 5.5 0 0 1 5.5 5.5"
            fill="none"
            stroke="currentColor"
            strokeWidth="1.8"
            strokeLinecap="round"
          />
        </g>
      );
    case "waiting":
      return <path d="M5.5 3.5v9M10.5 3.5v9" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" />;
    case "completed":
      return (
        <path
          d="M3 8.5l3.2 3.5L13 4.5"
          fill="none"
          stroke="currentColor"
          strokeWidth="2"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      );
    case "failed":
      return <path d="M4 4l8 8M12 4l-8 8" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />;
    case "canceled":
      return <path d="M3.5 8h9" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />;
    case "recovered":
      return <path d="M8 2.5l5.5 10h-11z" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinejoin="round" />;
    default:
      return tone satisfies never;
  }
}
