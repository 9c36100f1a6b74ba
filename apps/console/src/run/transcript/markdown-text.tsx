import { lazy, memo, Suspense } from "react";
import { usePaced } from "../../elements/use-paced.ts";
import { MARKDOWN_PACE_MS_PER_CHARACTER } from "../../limits.ts";
import { markdownBlocks } from "./markdown-blocks.ts";
import styles from "./markdown-text.module.css";
import mark from "./speaking.module.css";

const MarkdownBlock = lazy(() =>
  import("./markdown-block.tsx").then(({ MarkdownBlock: block }) => ({ default: block })),
);

/** A text of the model as people read it. Until the reader of markdown is there, it stands as it is. */
export const MarkdownText = memo(function MarkdownText(props: {
  readonly text: string;
  /** Whether more comes. Then the last block is read anew only now and then, the longer it is the less often. */
  readonly isStreaming?: boolean;
}) {
  const { text, isStreaming = false } = props;
  const blocks = markdownBlocks(text);
  return (
    <div className={isStreaming ? `${styles.text} ${mark.speaking}` : styles.text} dir="auto">
      {blocks.map((block, index) => (
        // A block keeps its place: text is only added at the end.
        <Suspense key={index} fallback={<Unread text={block} />}>
          <PacedBlock text={block} isLast={isStreaming && index === blocks.length - 1} />
        </Suspense>
      ))}
    </div>
  );
});

function Unread({ text }: { readonly text: string }) {
  return (
    <p className={styles.plain} aria-busy="true">
      {text}
    </p>
  );
}

function PacedBlock({ text, isLast }: { readonly text: string; readonly isLast: boolean }) {
  const everyMs = isLast ? text.length * MARKDOWN_PACE_MS_PER_CHARACTER : 0;
  return <MarkdownBlock text={usePaced(text, everyMs)} />;
}
