/** What an error of S3's, or of the network, means for the request. */
export type S3ErrorKind =
  /** It may pass: the same request is worth repeating, and may have been carried out. */
  | 'transient'
  /** If-None-Match found an object under the key. */
  | 'exists'
  /** Another request for the same key was faster; a multipart upload has to start anew. */
  | 'conflict'
  /** No such key, or no such upload. */
  | 'not-found'
  /** The store does not take If-None-Match. */
  | 'condition-refused'
  /** If-Match found another object under the key. */
  | 'replaced'
  | 'region'
  | 'expired'
  | 'credentials'
  /** The clocks of this machine and the store differ, and the store's Date does not help. */
  | 'clock'
  /** What answers there is no S3, or not over this protocol. */
  | 'endpoint'
  /** A proxy on the way does not let it through. */
  | 'proxy'
  | 'denied'
  | 'rejected';
