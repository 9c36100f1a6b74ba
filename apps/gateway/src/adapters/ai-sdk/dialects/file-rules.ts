import type { AnyFile, FileRules } from "./taken-files.ts";

/** Models that are known to read text alone, by their names at any provider. */
const TEXT_ONLY = [
  /(^|\/)(gpt-3\.5|gpt-4(-\d{4}(-preview)?|-32k)?$|o1-mini|o1-preview|o3-mini|gpt-oss)/i,
  /(^|\/)claude-(2|instant)/i,
  /(^|\/)(codestral|mixtral|open-mi[sx]tral|mistral-(7b|nemo|tiny))/i,
  /deepseek(?!.*(vl|ocr))/i,
  /(^|\/)kimi-k2(-|$)/i,
  /(^|\/)llama-?3\.[13]/i,
];

/** Whether this model is known to take no pictures. */
function isTextOnly(modelId: string): boolean {
  return TEXT_ONLY.some((pattern) => pattern.test(modelId));
}

const USUAL_PICTURE = /^image\/(png|jpeg|jpg|gif|webp)$/;

/** For chat completions. Few servers take files beyond pictures, and their packages know no others than these. */
function chatFiles(modelId: string, isTaken: (file: AnyFile, modelId: string) => boolean = takesUsual): FileRules {
  return { user: (file) => !isTextOnly(modelId) && isTaken(file, modelId), model: () => false };
}

/** Pictures, sound and PDF as OpenAI's chat completions take them. */
function takesUsual({ mediaType, form }: AnyFile): boolean {
  if (form === "url") return mediaType.startsWith("image/") || mediaType.startsWith("video/");
  return (
    mediaType.startsWith("image/") ||
    mediaType.startsWith("video/") ||
    /^(audio\/(wav|mp3|mpeg)|application\/pdf)$/.test(mediaType)
  );
}

/** Pictures alone. */
function takesPictures({ mediaType, form }: AnyFile): boolean {
  return form === "url" ? mediaType.startsWith("image/") : USUAL_PICTURE.test(mediaType);
}

/** Groq serves few models that see. */
function takesGroqPictures(file: AnyFile, modelId: string): boolean {
  return /llama-4|vision|llava|-vl\b/i.test(modelId) && takesPictures(file);
}

/** Anthropic's models: the usual pictures, PDF and plain text. */
function anthropicFiles(modelId: string): FileRules {
  const user = ({ mediaType, form }: AnyFile): boolean => {
    if (isTextOnly(modelId)) return false;
    if (mediaType === "application/pdf") return true;
    return form === "url"
      ? mediaType.startsWith("image/")
      : USUAL_PICTURE.test(mediaType) || mediaType === "text/plain";
  };
  return { user, model: () => false };
}

/** OpenAI's responses: the usual pictures and PDF; by their address also other documents. */
function responsesFiles(modelId: string): FileRules {
  const user = ({ mediaType, form }: AnyFile): boolean =>
    !isTextOnly(modelId) && (form === "url" || USUAL_PICTURE.test(mediaType) || mediaType === "application/pdf");
  return { user, model: () => false };
}

/** xAI's responses: pictures; other documents by their address alone. */
function xaiFiles(modelId: string): FileRules {
  const user = ({ mediaType, form }: AnyFile): boolean =>
    !isTextOnly(modelId) && (form === "url" || /^image\/(png|jpeg|jpg)$/.test(mediaType));
  return { user, model: () => false };
}

/** Gemini: pictures, sound, film, PDF and text. A model takes back the pictures that it made. */
function googleFiles(): FileRules {
  const isMedia = (mediaType: string): boolean =>
    /^(image\/(png|jpeg|jpg|webp|heic|heif)|audio\/.+|video\/.+|text\/.+|application\/pdf)$/.test(mediaType);
  return {
    // Its package needs to know the format.
    user: ({ mediaType, form }) => isMedia(mediaType) || (form === "url" && !mediaType.endsWith("/*")),
    model: ({ mediaType, form, isOwn }) => isOwn && form === "data" && USUAL_PICTURE.test(mediaType),
  };
}

/** Which files models take, as far as it is known. What is unknown is tried: the provider then says so itself. */
export const fileRules = {
  anthropic: anthropicFiles,
  responses: responsesFiles,
  xai: xaiFiles,
  google: googleFiles,
  chat: chatFiles,
  /** Narrower rules for `chat`. */
  pictures: takesPictures,
  groqPictures: takesGroqPictures,
};
