/** How often a seed came to what the simulation is to bring about. */
export interface Counts {
  claims: number;
  /** Runs that were born with their lease. */
  births: number;
  /** Parked runs that were taken by the statement that answered their call. */
  taken: number;
  commits: number;
  recoveries: number;
  /** Commits of former holders. Each was refused, or the seed has failed. */
  fenced: number;
  /** Records below the top of the live log. Each was refused, or the seed has failed. */
  refusedAppends: number;
  /** Pages that watchers read for themselves, because what came next was gone from their gateway's memory. */
  laggingReads: number;
  /** Reads of an inbox in which more waited than one read returns. */
  longInboxes: number;
  /** Accepted results that waited beside a cancel, or beside the report that their call was lost. */
  contestedResults: number;
  /** Calls that were reported to their run as lost by their device. */
  lostCalls: number;
  /** Calls that expired before anybody took them. */
  unexecutedCalls: number;
  /** Gateways that died of a run that they claimed. */
  poisonings: number;
  /** Steps that kept the event loop of their gateway. */
  stalls: number;
  /** Leases of runs that were lost beside a run that stalled their gateway, and forgiven. */
  forgiven: number;
  /** Claims that left runs of a tenant which had its share of the places. */
  withheld: number;
  /** Sleeps that ended by waking. */
  sleeps: number;
  /** Years in which no gateway lived. */
  years: number;
  /** Runs that ended with an object. */
  objects: number;
  /** Runs whose model found no object that fits. */
  unfitOutputs: number;
  /** Runs that another one has started, and those of them that were canceled since it waited no longer. */
  children: number;
  orphans: number;
  /** Steps in which the provider has executed tools of its own, and those of them that it paused. */
  searches: number;
  pauses: number;
  /** Runs that a limit has ended. */
  limitEnds: number;
  /** Runs whose messages have entered another one. */
  merged: number;
  /** Starts that were refused, since their thread was busy. */
  rejected: number;
  /** Threads that were deleted. */
  deletedThreads: number;
  /** Threads that went on from a run of another one. */
  branches: number;
  /** Runs that were forked from another one, their reused calls, and the calls that they were to execute again. */
  forks: number;
  reusedCalls: number;
  reruns: number;
  /** Files that were uploaded, those that were deleted, and uploads for which a tenant had no room. */
  uploads: number;
  deletedFiles: number;
  refusedUploads: number;
  /** Runs that another one interrupted. */
  interrupted: number;
  /** The longest that a run waited for its turn beside a hostile tenant, in virtual ms. */
  longestWaitMs: number;
}

export function noCounts(): Counts {
  return {
    claims: 0,
    births: 0,
    taken: 0,
    commits: 0,
    recoveries: 0,
    fenced: 0,
    refusedAppends: 0,
    laggingReads: 0,
    longInboxes: 0,
    contestedResults: 0,
    lostCalls: 0,
    unexecutedCalls: 0,
    poisonings: 0,
    stalls: 0,
    forgiven: 0,
    withheld: 0,
    sleeps: 0,
    years: 0,
    objects: 0,
    unfitOutputs: 0,
    children: 0,
    orphans: 0,
    searches: 0,
    pauses: 0,
    limitEnds: 0,
    merged: 0,
    rejected: 0,
    interrupted: 0,
    deletedThreads: 0,
    branches: 0,
    forks: 0,
    reusedCalls: 0,
    reruns: 0,
    uploads: 0,
    deletedFiles: 0,
    refusedUploads: 0,
    longestWaitMs: 0,
  };
}
