import { START_POLICIES, type StartPolicy, type Thread } from "@hsafa/protocol";
import { useState } from "react";
import { Composer } from "../actions/composer.tsx";
import { useAgents } from "../agents/use-agents.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import styles from "./thread-page.module.css";

const POLICY_WORDS: Readonly<Record<StartPolicy, string>> = {
  queue: "waits for its turn",
  steer: "enters the run that is at work",
  interrupt: "ends the run that is at work",
  reject: "is refused while a run is at work",
};

/** Says more in a thread: a run of the agent that is chosen. */
export function ThreadComposer(props: {
  readonly thread: Thread;
  /** The agent of the latest run; null: there is none. */
  readonly latestAgent: string | null;
  /** Whether a run is under way. */
  readonly isBusy: boolean;
}) {
  const { thread, latestAgent, isBusy } = props;
  const { client } = useSignedIn();
  const agents = useAgents();
  const [chosen, setChosen] = useState<string | null>(null);
  const [policy, setPolicy] = useState<StartPolicy>("queue");
  const agent = chosen ?? latestAgent ?? agents.items[0]?.name ?? null;
  const names = [...new Set([...(agent === null ? [] : [agent]), ...agents.items.map(({ name }) => name)])];
  const { id: threadId, subject } = thread;
  return (
    <Composer
      label="Message to the thread"
      placeholder={agent === null ? "There is no agent yet" : `Say something to ${agent}`}
      rows={2}
      keyGroup="Thread"
      isOff={agent === null}
      send={(input) =>
        client.runs.start({ agent: agent ?? "", input, threadId, policy, ...(subject === null ? {} : { subject }) })
      }
      status=""
    >
      <div className={styles.choices}>
        <label>
          to
          <select value={agent ?? ""} onChange={({ target }) => setChosen(target.value)}>
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {isBusy && (
          <label>
            a run is at work: this
            <select value={policy} onChange={({ target }) => setPolicy(target.value as StartPolicy)}>
              {START_POLICIES.map((one) => (
                <option key={one} value={one}>
                  {POLICY_WORDS[one]}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
    </Composer>
  );
}
