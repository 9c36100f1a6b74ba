import { Link } from "@tanstack/react-router";
import { jsonLines } from "../differences/json-lines.ts";
import { duration } from "../words/duration.ts";
import { type Aspect, type Pair, pairedCalls } from "./aligned-steps.ts";
import { ComparedPart } from "./compared-part.tsx";
import type { ComparedCall, ComparedStep } from "./compared-steps.ts";
import styles from "./compare-page.module.css";

/** A step of each run. */
export function StepPair(props: {
  readonly pair: Pair<ComparedStep>;
  readonly a: string;
  readonly b: string;
  readonly showsAll: boolean;
}) {
  const { pair, a, b, showsAll } = props;
  const isAlone = pair.b === null ? "a" : pair.a === null ? "b" : undefined;
  const numbers = new Set([pair.a?.step, pair.b?.step].filter((step) => step !== undefined));
  return (
    <ComparedPart
      title={`Step ${[...numbers].join(" and ")}`}
      more={
        <>
          <StepLink runId={a} step={pair.a} />
          <StepLink runId={b} step={pair.b} />
        </>
      }
      aspects={aspectsOf(pair)}
      {...(isAlone === undefined ? {} : { isAlone })}
      showsAll={showsAll}
    />
  );
}

function StepLink({ runId, step }: { readonly runId: string; readonly step: ComparedStep | null }) {
  if (step === null) return <span className={styles.absent}>—</span>;
  const { seq, tookMs, isReused } = step;
  return (
    <Link to="/runs/$runId" params={{ runId }} search={{ at: `${seq}-0` }} title="The run as it was there">
      {seq}-0 {isReused ? "reused" : tookMs === null ? "" : duration(tookMs)}
    </Link>
  );
}

/** What is compared of two steps, each as a text. */
function aspectsOf({ a, b }: Pair<ComparedStep>): Aspect[] {
  const calls = pairedCalls(a?.calls ?? [], b?.calls ?? []);
  const names = calls.map(({ a: one, b: other }) => one?.toolName ?? other?.toolName ?? "");
  return [
    { name: "what the user said", a: a?.said ?? "", b: b?.said ?? "" },
    { name: "reasoning", a: a?.reasoning ?? "", b: b?.reasoning ?? "" },
    { name: "what the model said", a: a?.text ?? "", b: b?.text ?? "" },
    ...calls.flatMap((pair, index): Aspect[] => {
      const name = names[index] ?? "";
      const nth = names.slice(0, index).filter((one) => one === name).length;
      const tool = nth === 0 ? name : `${name} (${nth + 1})`;
      return [
        { name: `arguments of ${tool}`, a: argsOf(pair.a), b: argsOf(pair.b) },
        { name: `result of ${tool}`, a: outcomeOf(pair.a), b: outcomeOf(pair.b) },
      ];
    }),
  ];
}

function argsOf(call: ComparedCall | null): string {
  return call === null ? "" : jsonLines(call.args).join("\n");
}

function outcomeOf(call: ComparedCall | null): string {
  if (call === null) return "";
  if (call.outcome === null) return "no result yet";
  const { word, value } = call.outcome;
  const lines = typeof value === "string" ? value : jsonLines(value).join("\n");
  return word === "completed" ? lines : `${word}: ${lines}`;
}
