import type { DeviceTool, ToolCall } from "@hsafa/protocol";
import { isOpenCallStatus } from "@hsafa/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useId, useState } from "react";
import { CopyAs } from "../../actions/copy-as.tsx";
import { useAct } from "../../actions/use-act.ts";
import { JsonTree } from "../../elements/json-tree.tsx";
import { StatusLabel } from "../../elements/status-mark.tsx";
import { TESTED_CALL_POLL_MS } from "../../limits.ts";
import { useSignedIn } from "../../session/session-gate.tsx";
import { duration } from "../../words/duration.ts";
import { callStatusWords } from "../../words/status-words.ts";
import { type ArgField, argFields, argsOfForm, argsOfJson, type ReadArgs, sampleArgs } from "./arg-fields.ts";
import { startTestedCall, testedCallBody } from "./tested-call.ts";
import actions from "../../actions/actions.module.css";
import styles from "./tool-tester.module.css";

/** Calls a tool on a device with arguments that a person writes, and shows what came back and how long it took. */
export function ToolTester({ deviceKey, tool }: { readonly deviceKey: string; readonly tool: DeviceTool }) {
  const { client } = useSignedIn();
  const fields = argFields(tool.inputSchema);
  const [isJson, setJson] = useState(fields === null);
  const [texts, setTexts] = useState<ReadonlyMap<string, string>>(new Map());
  const [json, setJsonText] = useState(() => sampleArgs(tool.inputSchema));
  const [faults, setFaults] = useState<ReadonlyMap<string, string>>(new Map());
  const [runId, setRunId] = useState<string | null>(null);
  const { act, isActing, fault } = useAct();
  const read = (): ReadArgs =>
    isJson || fields === null ? argsOfJson(tool.inputSchema, json) : argsOfForm(fields, texts);
  const written = read();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setFaults(written.kind === "faults" ? written.faults : new Map());
    if (written.kind === "faults") return;
    setRunId(null);
    await act(async () => setRunId(await startTestedCall(client, { deviceKey, tool, args: written.args })));
  }

  function toggle(): void {
    // What was filled in is not lost.
    if (!isJson && written.kind === "args") setJsonText(JSON.stringify(written.args, null, 2));
    setFaults(new Map());
    setJson(!isJson);
  }

  return (
    <form className={styles.tester} onSubmit={(event) => void submit(event)} noValidate>
      {isJson || fields === null ? (
        <JsonField text={json} fault={faults.get("")} onText={setJsonText} />
      ) : (
        fields.map((field) => (
          <Field
            key={field.name}
            field={field}
            text={texts.get(field.name) ?? ""}
            fault={faults.get(field.name)}
            onText={(text) => setTexts((before) => new Map([...before, [field.name, text]]))}
          />
        ))
      )}
      <div className={actions.row}>
        <button type="submit" className={actions.main} disabled={isActing}>
          Call {tool.name}
        </button>
        {fields !== null && (
          <button type="button" className={actions.button} onClick={toggle}>
            {isJson ? "As a form" : "As JSON"}
          </button>
        )}
        {written.kind === "args" && (
          <CopyAs call={{ kind: "start", body: testedCallBody({ deviceKey, tool, args: written.args }) }} />
        )}
      </div>
      <p className={styles.about}>
        It is executed on <b>{deviceKey}</b>, by a run like any other: it is recorded, and nothing is undone.
      </p>
      {fault !== null && (
        <p role="alert" className={actions.fault}>
          {fault}
        </p>
      )}
      {runId !== null && <TestedCall key={runId} runId={runId} />}
    </form>
  );
}

function JsonField(props: {
  readonly text: string;
  readonly fault: string | undefined;
  readonly onText: (text: string) => void;
}) {
  const { text, fault, onText } = props;
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id}>arguments</label>
      <textarea
        id={id}
        rows={Math.min(10, text.split("\n").length + 1)}
        spellCheck={false}
        value={text}
        aria-invalid={fault !== undefined}
        onChange={({ target }) => onText(target.value)}
      />
      <Fault fault={fault} />
    </div>
  );
}

function Field(props: {
  readonly field: ArgField;
  readonly text: string;
  readonly fault: string | undefined;
  readonly onText: (text: string) => void;
}) {
  const { field, text, fault, onText } = props;
  const { name, kind, isRequired, about, choices } = field;
  const id = useId();
  const shared = { id, "aria-invalid": fault !== undefined, value: text } as const;
  return (
    <div className={styles.field}>
      <label htmlFor={id}>
        {name}
        {isRequired ? ", required" : ""}
        {about === "" ? "" : `: ${about}`}
      </label>
      {kind === "choice" || kind === "boolean" ? (
        <select {...shared} onChange={({ target }) => onText(target.value)}>
          <option value="">left out</option>
          {(kind === "boolean" ? ["true", "false"] : choices).map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          spellCheck={false}
          autoComplete="off"
          inputMode={kind === "number" || kind === "integer" ? "decimal" : "text"}
          placeholder={kind === "json" ? "JSON" : ""}
          onChange={({ target }) => onText(target.value)}
        />
      )}
      <Fault fault={fault === undefined ? undefined : `${name} ${fault}`} />
    </div>
  );
}

function Fault({ fault }: { readonly fault: string | undefined }) {
  return fault === undefined ? null : (
    <p role="alert" className={actions.fault}>
      {fault}
    </p>
  );
}

/** What became of the call, as soon as it is there. */
function TestedCall({ runId }: { readonly runId: string }) {
  const { client } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["tested-call", runId],
    queryFn: async ({ signal }) => {
      const [call] = (await client.runs.toolCalls(runId, { limit: 1 }, { signal })).data;
      const run = call === undefined ? await client.runs.get(runId, { signal }) : null;
      return { call: call ?? null, error: run?.error ?? null };
    },
    refetchInterval: ({ state }) =>
      state.data === undefined || (state.data.error === null && isOpen(state.data.call)) ? TESTED_CALL_POLL_MS : false,
  });
  const call = data?.call ?? null;
  return (
    <section className={styles.outcome} aria-label="What came back">
      <p role="status" className={styles.line}>
        {call === null ? (
          data?.error === undefined || data.error === null ? (
            "The call is on its way…"
          ) : (
            `${data.error.message} [${data.error.code}]`
          )
        ) : (
          <>
            <StatusLabel words={callStatusWords(call.status)} />
            <b>{roundTripOf(call)}</b>
          </>
        )}
        <Link to="/runs/$runId" params={{ runId }} search={call === null ? {} : { call: call.id }}>
          its run
        </Link>
      </p>
      {call !== null && <Stages call={call} />}
      {call?.error !== null && call?.error !== undefined && (
        <p className={actions.fault}>{`${call.error.message} [${call.error.code}]`}</p>
      )}
      {call?.status === "completed" && <JsonTree value={call.result} />}
    </section>
  );
}

/** Where the time went: from one stage to the next. */
function Stages({ call }: { readonly call: ToolCall }) {
  const { dispatchedAt, sentAt, acceptedAt, settledAt } = call;
  const stages = [
    ["to the gateway that has the device", dispatchedAt, sentAt],
    ["to the device, until it said that it began", sentAt, acceptedAt],
    ["its work, and the way back", acceptedAt ?? sentAt, settledAt],
  ] as const;
  return (
    <dl className={styles.stages}>
      {stages.map(([name, from, to]) =>
        from === null || to === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{duration(Date.parse(to) - Date.parse(from))}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function roundTripOf({ dispatchedAt, settledAt }: ToolCall): string {
  if (dispatchedAt === null || settledAt === null) return "";
  return `${duration(Date.parse(settledAt) - Date.parse(dispatchedAt))} there and back`;
}

function isOpen(call: ToolCall | null): boolean {
  return call === null || isOpenCallStatus(call.status);
}
