/** A layer's blob that is still being downloaded: it is unpacked while it grows. */
/**
 * What a download tells of its file. That may be begun anew, under the same path or another: what
 * counts is the one that is whole in the end.
 */
export interface GrowingBlob {
  /** The path of a file to follow, once there is one; rejects when there will be none. */
  readonly begun: Promise<string>;
  /** The path of the whole one, its digest checked, for as long as layers are unpacked; rejects
   *  when the download has failed. */
  readonly whole: Promise<string>;
  /** `onGrown` is called when the file has more bytes, until the returned function is called. */
  watch(onGrown: () => void): () => void;
}
