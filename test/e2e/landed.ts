/** Where requests with a header X-User land, and those without: by the bodies that came back. */
import { crowd, tally, type Visit } from '../harness/visitors.ts'
import { who, type World } from './world.ts'

/** Of each kind of visitor. */
export const COUNT = process.env['E2E_FULL'] === '1' ? 1_000 : 200

export const whom = (visit: Visit): string => /^(?:ada|bob) /.exec(visit.body)?.[0].trim() ?? who(visit)

/** Who served the visitors with each header, and those without. */
export async function landed(
  { visitor }: Pick<World, 'visitor'>,
  users: readonly (string | undefined)[] = ['a', 'b', undefined],
  count = COUNT
): Promise<Record<string, number>[]> {
  const of = (user: string | undefined) =>
    crowd({ ...visitor, count, parallel: 8, ...(user !== undefined && { headers: { 'X-User': user } }) })
  return (await Promise.all(users.map(of))).map(visits => tally(visits, whom))
}
