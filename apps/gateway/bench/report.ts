/** A figure of hsafa, as a multiple of what it is compared with or beyond it. */
export interface Ratio {
  /** What is compared, and with what: "first token: pipe". */
  readonly what: string;
  readonly value: number;
  /** A multiple, or what hsafa takes more. */
  readonly unit: "x" | " ms" | " commits";
  /** What the project wants it to be: "at most 1.5". Null where there is no aim. */
  readonly aim: { readonly kind: "at most" | "at least"; readonly value: number } | null;
}

/** What one measurement found. */
export interface Report {
  readonly title: string;
  /** The first row names the columns. */
  readonly table: readonly (readonly string[])[];
  readonly ratios: readonly Ratio[];
}

/** Returns a table in Markdown. */
function tableText([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

/** Returns a report in Markdown, without its ratios. */
export function reportText({ title, table }: Report): string {
  return `### ${title}\n\n${tableText(table)}`;
}

/** Returns the table of all ratios in Markdown. */
export function ratiosText(reports: readonly Report[]): string {
  const rows = reports
    .flatMap(({ ratios }) => ratios)
    .map(({ what, value, unit, aim }) => [
      what,
      `${value.toFixed(2)}${unit}`,
      aim === null ? "" : `${aim.kind} ${aim.value}${unit}`,
      aim === null ? "" : isMet(value, aim) ? "yes" : "no",
    ]);
  return tableText([["hsafa compared with", "ratio", "aim", "met"], ...rows]);
}

function isMet(value: number, aim: NonNullable<Ratio["aim"]>): boolean {
  switch (aim.kind) {
    case "at most":
      return value <= aim.value;
    case "at least":
      return value >= aim.value;
    default:
      return aim.kind satisfies never;
  }
}
