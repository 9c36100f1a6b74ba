import { useSearch } from "@tanstack/react-router";
import { Composer } from "../actions/composer.tsx";
import { mayDo } from "../actions/may-do.ts";
import { useAct } from "../actions/use-act.ts";
import { useKeys } from "../frame/keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import styles from "../actions/actions.module.css";

/** Starts a run with what a person says, and stops the one that is under way. */
export function PlaygroundComposer(props: {
  readonly agentName: string;
  /** The run that is under way; null: none is. */
  readonly running: string | null;
  /** Tells the thread that was made for the conversation. */
  readonly onThread: (threadId: string) => void;
}) {
  const { agentName, running, onThread } = props;
  const { client, session } = useSignedIn();
  const { version, device, thread } = useSearch({ from: "/agents/$agent/play" });
  const { act, isActing, fault } = useAct();
  const stop = (): void => {
    if (running !== null) void act(() => client.runs.cancel(running, { reason: "stopped in the playground" }));
  };
  const mayStop = running !== null && mayDo(session, "runs:cancel");
  useKeys("Playground", mayStop ? [{ keys: "x", does: "stop the run", run: stop }] : []);
  return (
    <Composer
      label={`Message to ${agentName}`}
      placeholder={`Say something to ${agentName}`}
      rows={2}
      keyGroup="Playground"
      autoFocus
      send={async (input) => {
        const threadId = thread ?? (await client.threads.create({ title: `Playground of ${agentName}` })).id;
        if (thread === undefined) onThread(threadId);
        await client.runs.start({ agent: agentName, input, threadId, versionId: version, deviceKey: device });
      }}
      status={fault ?? (running === null ? "" : "It is at work. What you send now waits for its turn.")}
      sides={
        mayStop && (
          <button type="button" className={styles.grave} onClick={stop} disabled={isActing}>
            Stop
          </button>
        )
      }
    />
  );
}
