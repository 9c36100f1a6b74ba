import type { FactEvent } from "@hsafa/protocol";
import { EMPTY_RUN_VIEW, nextRunView } from "@hsafa/client/view";
import { useQuery } from "@tanstack/react-query";
import { FACTS_PAGE_ITEMS } from "../limits.ts";
import { isFact } from "../run/record/run-record.ts";
import { MarkdownText } from "../run/transcript/markdown-text.tsx";
import { inLine, notesOf, transcriptRows } from "../run/transcript/transcript-rows.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import styles from "./approvals-page.module.css";

/** What was said in a run up to now, for somebody who decides. The last of it stands at the end. */
export function Conversation({ runId }: { readonly runId: string }) {
  const { client } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["conversation", runId],
    queryFn: async ({ signal }) => {
      const page = await client.runs.events(runId, { facts: true, limit: FACTS_PAGE_ITEMS }, { signal });
      return {
        facts: page.data.filter((event): event is FactEvent => isFact(event)),
        hasMore: page.nextCursor !== null,
      };
    },
  });
  if (data === undefined) return null;
  const view = data.facts.reduce(nextRunView, EMPTY_RUN_VIEW);
  return (
    <div className={styles.conversation}>
      {transcriptRows(view, data.facts.flatMap(notesOf)).map((row) => (
        <div key={row.key} className={row.kind === "user" ? styles.said : undefined}>
          {row.kind === "text" && <MarkdownText text={row.text} />}
          {row.kind === "user" && <p dir="auto">{row.text}</p>}
          {row.kind === "note" && <p>{row.text}</p>}
          {row.kind === "tool" && (
            <p>
              <b>{row.tool.toolName}</b> <code>{inLine(row.tool.args, 200)}</code>
            </p>
          )}
        </div>
      ))}
      {data.hasMore && <p>The run has more; open it to read all.</p>}
    </div>
  );
}
