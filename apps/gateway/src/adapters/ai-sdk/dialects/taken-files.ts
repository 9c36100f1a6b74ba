import type { AssistantPart, FilePart, LeftOut, TextPart } from "@hsafa/protocol";
import { isOwn, type Origin } from "./origin.ts";
import { mapAssistant, type Turn, type UserPart } from "./turn.ts";
import { isTextType } from "../../../core/is-text-type.ts";

/** A picture or another file of a conversation. */
export interface AnyFile {
  /** `image/png`; `image/*` for a picture of unknown format. */
  readonly mediaType: string;
  /** `data`: base64 in the message. `url`: an address that the provider is to read. */
  readonly form: "data" | "url";
  /** Whether the model itself made it. */
  readonly isOwn: boolean;
}

/** Which files a model takes, by who said them. */
export interface FileRules {
  readonly user: (file: AnyFile) => boolean;
  /** Almost no provider takes files from the model's own turns. */
  readonly model: (file: AnyFile) => boolean;
}

/**
 * Returns the turns with the files that the model takes. In place of another stands its text, if it is text, else a
 * text that says what is missing. `leftOut` says the same for the run's record.
 */
export function takenFiles(
  turns: readonly Turn[],
  origin: Origin,
  rules: FileRules,
): { readonly turns: Turn[]; readonly leftOut: readonly LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const inPlaceOf = (file: FoundFile): TextPart => {
    if (file.text !== null) return { type: "text", text: `[File ${file.name}]\n${file.text}` };
    leftOut.push({
      reason: "unsupported",
      what: file.name === "" ? file.mediaType : `${file.name} (${file.mediaType})`,
    });
    const name = file.name === "" ? "A file" : `The file ${file.name}`;
    return { type: "text", text: `[${name} of type ${file.mediaType} is left out: this model does not take it.]` };
  };
  const taken = turns.map((turn): Turn => {
    if (turn.role !== "user") return turn;
    const content = turn.content.map((part): UserPart => {
      if (part.type === "text") return part;
      const file = fileOf(part.type === "image" ? part.image : dataOf(part), part.mediaType, nameOf(part), false);
      if (!file.isReadable || !rules.user(file)) return inPlaceOf(file);
      const { providerOptions } = part;
      const options = providerOptions === undefined ? {} : { providerOptions };
      const name = file.name === "" ? {} : { filename: file.name };
      return { type: "file", data: file.data, mediaType: file.mediaType, ...name, ...options };
    });
    return { role: "user", content };
  });
  const both = mapAssistant(taken, ({ content }) =>
    content.map((part): AssistantPart => {
      if (part.type !== "file") return part;
      const file = fileOf(dataOf(part), part.mediaType, nameOf(part), isOwn(part, origin));
      return file.isReadable && rules.model(file) ? part : inPlaceOf(file);
    }),
  );
  return { turns: both, leftOut };
}

interface FoundFile extends AnyFile {
  /** Base64 or a URL. */
  readonly data: string;
  readonly name: string;
  /** The text of a text file; null if it is none. */
  readonly text: string | null;
  /** False for what no provider can read: data that is no base64, an address that nobody but the writer can reach. */
  readonly isReadable: boolean;
}

function fileOf(given: string, mediaType: string | undefined, name: string, isOwnFile: boolean): FoundFile {
  const dataUrl = /^data:([^;,]*)(?:;[^,]*)?,(.*)$/s.exec(given);
  if (dataUrl === null && /^[a-z][a-z0-9+.-]*:/i.test(given)) {
    const isReadable = URL.canParse(given) && /^(https?|gs):/i.test(given);
    return {
      mediaType: mediaType?.includes("/") === true ? mediaType : mediaTypeByName(given),
      form: "url",
      isOwn: isOwnFile,
      data: given,
      name,
      text: null,
      isReadable,
    };
  }
  const data = dataUrl?.[2] ?? given;
  const isBase64 = data !== "" && data.length % 4 !== 1 && /^[A-Za-z0-9+/_-]*={0,2}$/.test(data);
  const type = fullMediaType(dataUrl?.[1] || mediaType, data);
  return {
    mediaType: type,
    form: "data",
    isOwn: isOwnFile,
    data,
    name,
    text: isBase64 && isTextType(type) ? Buffer.from(data, "base64").toString("utf8") : null,
    isReadable: isBase64 && !type.endsWith("/*"),
  };
}

/** The bytes of a stored file were put in before the model is asked. One without them is said to be left out. */
function dataOf(part: FilePart): string {
  return "data" in part ? part.data : "";
}

/** Pictures often come without their format. It stands in their first bytes, here as base64. */
const PICTURES: readonly (readonly [start: string, mediaType: string])[] = [
  ["iVBORw", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
];

function fullMediaType(mediaType: string | undefined, data: string): string {
  const named = mediaType ?? "image/*";
  if (named !== "image" && !named.endsWith("/*")) return named;
  const found = PICTURES.find(([start]) => data.startsWith(start))?.[1];
  return found ?? (named === "image" ? "image/*" : named);
}

/** An address often bears the format of its picture. */
function mediaTypeByName(url: string): string {
  const extension = /\.(png|jpe?g|gif|webp)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? "*";
  return `image/${extension === "jpg" ? "jpeg" : extension}`;
}

function nameOf(part: { readonly type: string; readonly filename?: string }): string {
  return part.filename ?? "";
}
