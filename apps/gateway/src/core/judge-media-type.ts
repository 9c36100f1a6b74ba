/**
 * What a file is, by what its sender says and by what its first bytes show.
 *
 * 1. A sender that says nothing in particular is told by the bytes.
 * 2. A picture, sound, film or PDF has its own first bytes. One without them is refused, whatever it is.
 * 3. A text has no byte that no text has.
 * 4. Any other type is believed, unless the bytes are plainly something else. Archives and documents share theirs.
 */

export type MediaTypeJudgement =
  | { readonly kind: "judged"; readonly mediaType: string }
  /** The sender says one thing, and the bytes another. */
  | { readonly kind: "mismatch"; readonly declared: string; readonly found: string }
  /** What the sender says is no media type. */
  | { readonly kind: "malformed" };

const UNKNOWN = "application/octet-stream";
const PLAIN_TEXT = "text/plain";

/** Other names of the same. */
const ALIASES: Readonly<Record<string, string>> = {
  "image/jpg": "image/jpeg",
  "image/pjpeg": "image/jpeg",
  "image/x-png": "image/png",
  "image/apng": "image/png",
  "audio/mp3": "audio/mpeg",
  "audio/x-wav": "audio/wav",
  "audio/wave": "audio/wav",
  "audio/vnd.wave": "audio/wav",
  "audio/x-flac": "audio/flac",
  "application/x-pdf": "application/pdf",
};

/** Sound and film share these containers, and the first bytes tell the container alone. */
const CONTAINERS: readonly (readonly string[])[] = [
  ["video/mp4", "audio/mp4", "audio/x-m4a", "audio/m4a", "video/x-m4v", "video/quicktime", "video/3gpp", "audio/3gpp"],
  ["video/webm", "audio/webm", "video/matroska", "audio/matroska", "video/x-matroska"],
  ["audio/ogg", "video/ogg", "application/ogg", "audio/opus"],
  ["image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"],
];

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;
const TEXT = /^text\/|^application\/(json|xml|yaml|x-yaml|javascript|ecmascript|x-ndjson|toml)$|\+(json|xml)$/;
const WITH_OWN_BYTES = /^(image|audio|video|font)\/|^application\/pdf$/;
const PROGRAM = /^application\/(x-msdownload|x-elf|x-mach-binary|vnd\.microsoft\.portable-executable)$/;

/** `declared`: as the sender has it; null: nothing. `recognised`: what a library sees in `head`; null: nothing. */
export function judgeMediaType(file: {
  readonly declared: string | null;
  readonly recognised: string | null;
  readonly head: Uint8Array;
}): MediaTypeJudgement {
  const recognised = file.recognised === null ? null : withoutAlias(bareType(file.recognised));
  const isText = isTextBytes(file.head);
  const found = recognised ?? (isText ? PLAIN_TEXT : UNKNOWN);
  const given = file.declared === null ? UNKNOWN : bareType(file.declared);
  if (!MEDIA_TYPE.test(given)) return { kind: "malformed" };
  const declared = withoutAlias(given);
  if (declared === UNKNOWN) return { kind: "judged", mediaType: found }; // 1.
  const isTrue = TEXT.test(declared)
    ? isText && (recognised === null || TEXT.test(recognised)) // 3.
    : WITH_OWN_BYTES.test(declared)
      ? isSameContainer(declared, found) // 2.
      : recognised === null || !(WITH_OWN_BYTES.test(recognised) || PROGRAM.test(recognised)); // 4.
  return isTrue ? { kind: "judged", mediaType: declared } : { kind: "mismatch", declared, found };
}

/** Without parameters such as `charset`. */
function bareType(mediaType: string): string {
  return (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

function withoutAlias(mediaType: string): string {
  return ALIASES[mediaType] ?? mediaType;
}

function isSameContainer(declared: string, found: string): boolean {
  return declared === found || CONTAINERS.some((types) => types.includes(declared) && types.includes(found));
}

/** Whether bytes are the beginning of a text in UTF-8. They may end within a character. */
function isTextBytes(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
