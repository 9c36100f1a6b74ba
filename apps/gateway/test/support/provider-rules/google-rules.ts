import { isBase64, isBlank, isObject, type Json, list, record, refuse, type Rules, rulesOf } from "./rule-book.ts";

/** The mark that Google documents for calls of other models. */
const UNSIGNED = "skip_thought_signature_validator";

/** Gemini's own API. `signsCalls`: as of Gemini 3, the first call of a turn must have its signature. */
export function googleRules({ signsCalls }: { readonly signsCalls: boolean }): Rules {
  return rulesOf(({ body }, { isOwn }) => {
    const contents = list(body.contents);
    if (contents.length === 0) refuse("contents is not specified");
    if (contents[0]?.role !== "user")
      refuse(
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
      );
    if (contents.at(-1)?.role !== "user")
      refuse("Please ensure that multiturn requests ends with a user role or a function response.");
    contents.forEach((content, at) => {
      if (at > 0 && content.role === contents[at - 1]?.role)
        refuse("Please ensure that multiturn requests alternate between user and model.");
      const parts = list(content.parts);
      if (parts.length === 0) refuse(`GenerateContentRequest.contents[${at}].parts: contents.parts must not be empty.`);
      for (const part of parts) checkPart(part, isOwn);
      const calls = namesOf(parts, "functionCall");
      const results = namesOf(list(contents[at + 1]?.parts), "functionResponse");
      if (calls.length > 0 && calls.join() !== results.join()) {
        refuse(
          "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
        );
      }
      if (
        namesOf(parts, "functionResponse").length > 0 &&
        namesOf(list(contents[at - 1]?.parts), "functionCall").length === 0
      ) {
        refuse("Please ensure that function response turn comes immediately after a function call turn.");
      }
      const first = parts.find((part) => part.functionCall !== undefined);
      if (signsCalls && first !== undefined && typeof first.thoughtSignature !== "string") {
        refuse("Function call is missing a thought_signature in functionCall parts.");
      }
    });
  });
}

function namesOf(parts: readonly Json[], kind: string): string[] {
  return parts.flatMap((part) => (part[kind] === undefined ? [] : [String(record(part[kind]).name)]));
}

function checkPart(part: Json, isOwn: (signature: string) => boolean): void {
  const { text, functionCall, functionResponse, inlineData, fileData, thoughtSignature } = part;
  const kinds = [text, functionCall, functionResponse, inlineData, fileData].filter((one) => one !== undefined);
  if (kinds.length !== 1) refuse("contents.parts.data: required oneof field 'data' must have one initialized field");
  if (text !== undefined && isBlank(text)) refuse("Unable to submit request because it must have a text parameter.");
  if (typeof thoughtSignature === "string" && thoughtSignature !== UNSIGNED && !isOwn(thoughtSignature)) {
    refuse("Corrupted thought signature.");
  }
  for (const named of [functionCall, functionResponse]) {
    if (named !== undefined && !/^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/.test(String(record(named).name))) {
      refuse("Invalid function name. Must start with a letter or an underscore.");
    }
  }
  if (functionCall !== undefined && !isObject(record(functionCall).args))
    refuse("Invalid value at 'function_call.args' (type.googleapis.com/google.protobuf.Struct)");
  if (functionResponse !== undefined && !isObject(record(functionResponse).response))
    refuse("Invalid value at 'function_response.response'");
  if (inlineData !== undefined) {
    const { mimeType, data } = record(inlineData);
    if (
      !/^(image\/(png|jpeg|jpg|webp|heic|heif|gif)|audio\/.+|video\/.+|text\/.+|application\/pdf)$/.test(
        String(mimeType),
      )
    ) {
      refuse(`Unsupported MIME type: ${String(mimeType)}`);
    }
    if (!isBase64(data)) refuse("Invalid value at 'inline_data.data' (TYPE_BYTES), Base64 decoding failed");
  }
}
