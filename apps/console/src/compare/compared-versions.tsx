import type { FactEvent, JsonObject, Run } from "@hsafa/protocol";
import { useMemo } from "react";
import { useVersion } from "../agents/use-version.ts";
import { jsonLines } from "../differences/json-lines.ts";
import { shortHash } from "../words/short-id.ts";
import { ComparedPart } from "./compared-part.tsx";
import styles from "./compare-page.module.css";

/** The configs that the runs work from. */
export function ComparedVersions({ a, b }: { readonly a: Run; readonly b: Run }) {
  const [one, other] = [useVersion(a), useVersion(b)];
  const isSame = a.versionId === b.versionId;
  const [left, right] = useMemo(
    () =>
      [one, other].map((version) => (version?.config === undefined ? "" : jsonLines(version.config).join("\n"))) as [
        string,
        string,
      ],
    [one, other],
  );
  const nameOf = (version: typeof one): string =>
    version === undefined ? "" : `${version.version} ${shortHash(version.configHash)}`;
  const canRead = one?.config !== undefined && other?.config !== undefined;
  return (
    <>
      <ComparedPart
        title="Version"
        more={isSame ? nameOf(one) : `${a.agentName} ${nameOf(one)}, ${b.agentName} ${nameOf(other)}`}
        aspects={isSame ? [] : [{ name: "config", a: left, b: right }]}
        showsAll={false}
      />
      {!isSame && one !== undefined && other !== undefined && !canRead && (
        <p className={styles.told}>The versions differ. Who may push agents reads their configs.</p>
      )}
    </>
  );
}

/** What the starts of the runs add to their agents. */
export function ComparedStarts(props: {
  readonly facts: readonly FactEvent[];
  readonly others: readonly FactEvent[];
  readonly showsAll: boolean;
}) {
  const { facts, others, showsAll } = props;
  const [one, other] = [startOf(facts), startOf(others)];
  if (one === "" && other === "") return null;
  return (
    <ComparedPart
      title="Start"
      aspects={[{ name: "what the start adds to the agent", a: one, b: other }]}
      showsAll={showsAll}
    />
  );
}

function startOf(facts: readonly FactEvent[]): string {
  const [first] = facts;
  if (first?.type !== "run.created") return "";
  const { instructions, tools, outputSchema, limits, deviceKey, metadata } = first.data;
  const given = Object.entries({ instructions, tools, outputSchema, limits, deviceKey, metadata }).filter(
    ([, value]) => value !== undefined && value !== null && JSON.stringify(value) !== "{}",
  );
  return given.length === 0 ? "" : jsonLines(Object.fromEntries(given) as unknown as JsonObject).join("\n");
}

/** What the runs came to. */
export function ComparedEnds({ a, b, showsAll }: { readonly a: Run; readonly b: Run; readonly showsAll: boolean }) {
  if (a.completedAt === null && b.completedAt === null) return null;
  return <ComparedPart title="End" aspects={[{ name: "outcome", a: endOf(a), b: endOf(b) }]} showsAll={showsAll} />;
}

function endOf({ status, output, error, completedAt }: Run): string {
  if (completedAt === null) return "has not ended";
  if (error !== null) return `${status}: ${error.message} [${error.code}]`;
  if (output === null) return status;
  return `${status}\n${typeof output === "string" ? output : jsonLines(output).join("\n")}`;
}
