/** What waits for the end of a turn of the event loop. */
export interface TurnTask {
  /** Must not throw. */
  onTurnEnd(): void;
}

let waiting: TurnTask[] = [];

/**
 * Calls `onTurnEnd` when all that has come in this turn of the event loop has been looked at. What sockets are given to
 * send is gathered so: many writes in a row wake a peer once, where each between two reads would wake it anew, and that
 * costs the kernel more than the write. Nothing waits longer than the turn.
 */
export function atTurnEnd(task: TurnTask): void {
  if (waiting.length === 0) setImmediate(endTurn);
  waiting.push(task);
}

function endTurn(): void {
  const tasks = waiting;
  waiting = [];
  for (const task of tasks) task.onTurnEnd();
}
