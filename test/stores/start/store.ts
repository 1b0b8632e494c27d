/** Who may ask a store. */
export interface Account {
  readonly user: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** A store that runs, as the tests' processes are told of it. */
export interface RealStore {
  readonly kind: 'ceph' | 'swift';
  /** Where its S3 API answers, path-style. */
  readonly url: string;
  /** Two accounts: whose buckets they are, and who writes into them. */
  readonly owner: Account;
  readonly session: Account;
}

export interface StartedStore extends AsyncDisposable {
  readonly about: RealStore;
}
