/** Whether a file of this media type is shown to a model as words, by models that take no files as well. */
export function isTextType(mediaType: string): boolean {
  return /^text\/|^application\/(json|xml|yaml|x-yaml|javascript)$|\+(json|xml)$/.test(mediaType);
}
