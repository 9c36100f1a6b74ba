/** A figure of hsafa: a multiple of what it is compared with, what is beyond that, or one that stands by itself. */
export interface Ratio {
  /** What is compared, and with what: "first token: pipe". */
  readonly what: string;
  readonly value: number;
  /** "x": a multiple. */
  readonly unit: "x" | " ms" | " s" | " commits" | " events/s" | " devices/s";
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
      `${figureText(value)}${unit}`,
      aim === null ? "" : `${aim.kind} ${aim.value.toLocaleString("en")}${unit}`,
      aim === null ? "" : isMet(value, aim) ? "yes" : "no",
    ]);
  return tableText([["hsafa compared with, or by itself", "figure", "aim", "met"], ...rows]);
}

function figureText(value: number): string {
  return value < 1000 ? value.toFixed(2) : Math.round(value).toLocaleString("en");
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
