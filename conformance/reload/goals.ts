// What the gateway is to reach on two cores that it has for itself, and what fails a case on any machine.
import { check } from '../until.ts';

/** A case fails beyond this many times its goal: machines are shared, and slower than others. */
const SLACK = 3;

export interface Goal {
  readonly what: string;
  readonly most: number;
  readonly unit: 's' | 'ms' | 'MiB';
}

/** Says how far a goal was reached. @param slack times the goal that are still taken @throws Unmet beyond the slack */
export function judge({ what, most, unit }: Goal, seen: number, slack = SLACK): string {
  const said = `${what} ${unit === 's' ? seen.toFixed(1) : Math.round(seen)} ${unit} (goal ${most}, bound ${most * slack})`;
  check(seen <= most * slack, `${what} within ${most * slack} ${unit}`, said);
  return seen <= most ? said : `${said}, GOAL MISSED`;
}
