import type { FilePart, ImagePart, Message, ToolResultOutput } from "@hsafa/protocol";

/** What a message says, for a line on a terminal: its texts, and what else it carries in brackets. */
export function messageWords({ content }: Message): string {
  if (typeof content === "string") return content;
  return content
    .flatMap((part): string[] => {
      switch (part.type) {
        case "text":
          return [part.text];
        case "reasoning":
          return [];
        case "file":
        case "image":
          return [`[${nameOf(part)}]`];
        case "tool-call":
          return [`[-> ${part.toolName} ${JSON.stringify(part.input)}]`];
        case "tool-result":
          return [`[<- ${part.toolName} ${resultOf(part.output)}]`];
        default:
          return part satisfies never;
      }
    })
    .filter((words) => words !== "")
    .join(" ");
}

function nameOf(part: FilePart | ImagePart): string {
  const name = part.type === "file" ? part.filename : undefined;
  return name ?? part.mediaType ?? (part.type === "image" ? "a picture" : "a file");
}

function resultOf({ value }: Pick<ToolResultOutput, "value">): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
