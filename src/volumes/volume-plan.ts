/** A container's mounts → the files of each, from plain objects. What cannot be known is named instead of guessed. Pure. */
import { expand, type Value } from '../discovery/expand.ts'
import { fieldValue } from '../resolve/pod-field.ts'
import type { Container, Pod } from '../resolve/objects.ts'
import { below, containerPath, insidePath } from './inside.ts'
import type { Missing, VolumeFile, VolumePlan, VolumeSources } from './types.ts'
import { type Lacking, type Volume, volumeContent } from './volume-files.ts'

type VolumeMount = NonNullable<Container['volumeMounts']>[number]

export function planVolumes(pod: Pod, container: Container, sources: VolumeSources): VolumePlan {
  const plan: VolumePlan = { mounts: [], missing: [], elsewhere: [] }
  const mounts = container.volumeMounts ?? []
  const paths = mounts.flatMap(({ mountPath }) => containerPath(mountPath) ?? [])
  for (const mount of mounts) {
    const path = containerPath(mount.mountPath)
    const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name)
    const lacks = (what: string, { why, source, secret, hint }: Omit<Lacking, 'path'>): void =>
      void plan.missing.push({ what, why, source, secret, ...(hint === undefined ? {} : { hint }) })
    const not = (why: string): void => lacks(mount.mountPath, { why, source: `volume ${mount.name}`, secret: false })
    if (path === undefined || path === '/') not('it is no path below which files could be written')
    else if (volume === undefined) not(`the pod has no volume ${mount.name}`)
    else {
      const subPath = subPathOf(mount, pod, container)
      if (subPath !== undefined && 'problem' in subPath) {
        not(subPath.problem)
        continue
      }
      const content = volumeContent(volume, { pod, container, sources })
      if (content === undefined) {
        plan.elsewhere.push({ path, volume: volume.name, kind: kindOf(volume), subPath: subPath?.path })
        continue
      }
      const part = partOf(content.files, subPath?.path)
      const { files, hidden } = beside(part ?? [], path, paths)
      for (const one of relevant(content.lacking, subPath?.path)) lacks(one.path === '' ? path : `${path}/${one.path}`, one)
      for (const { path: name, source, secret } of hidden)
        lacks(`${path}/${name}`, { why: 'another mount lies in the same folder of the volume', source, secret })
      if (part === undefined && content.lacking.length === 0) not(`volume ${volume.name} has no ${subPath?.path ?? ''}`)
      if (part !== undefined || subPath === undefined) plan.mounts.push({ path, volume: volume.name, subPath: subPath?.path, files })
    }
  }
  plan.missing = unique(plan.missing)
  return plan
}

/** `subPath` as written, `subPathExpr` with what the spec itself says of the variables. */
function subPathOf(mount: VolumeMount, pod: Pod, container: Container): { path: string } | { problem: string } | undefined {
  const expression = mount.subPathExpr ?? ''
  const written = expression === '' ? (mount.subPath ?? '') : expression
  if (written === '') return undefined
  let unknown: string | undefined
  const lookup = (name: string): Value => {
    const entry = container.env?.findLast(one => one.name === name)
    if (entry?.value !== undefined && !entry.value.includes('$(')) return { text: entry.value }
    const read = entry?.valueFrom?.fieldRef === undefined ? undefined : fieldValue(pod, entry.valueFrom.fieldRef.fieldPath)
    if (read !== undefined && 'text' in read) return read
    unknown ??= name
    return undefined
  }
  const text = expression === '' ? written : expand(written, lookup)
  if (unknown !== undefined) return { problem: `its subPathExpr needs the variable ${unknown}, which is not known here` }
  const path = insidePath(text)
  if (path === undefined) return { problem: `its subPath ${JSON.stringify(text)} leaves the volume` }
  return path === '' ? undefined : { path }
}

/** The whole volume, or a folder of it, or one file with an empty path; undefined when it has no such part. */
function partOf(files: readonly VolumeFile[], subPath: string | undefined): VolumeFile[] | undefined {
  if (subPath === undefined) return [...files]
  const single = files.find(({ path }) => path === subPath)
  if (single !== undefined) return [{ ...single, path: '' }]
  const within = files.flatMap(file => {
    const path = below(file.path, subPath)
    return path === undefined ? [] : [{ ...file, path }]
  })
  return within.length === 0 ? undefined : within
}

function relevant(lacking: readonly Lacking[], subPath: string | undefined): Lacking[] {
  if (subPath === undefined) return [...lacking]
  return lacking
    .filter(({ path }) => path === '' || path === subPath || below(path, subPath) !== undefined)
    .map(one => ({ ...one, path: below(one.path, subPath) ?? '' }))
}

/** A mount within this one hides what it lies over; its folder cannot be a link at the same time. */
function beside(files: readonly VolumeFile[], path: string, all: readonly string[]): { files: VolumeFile[]; hidden: VolumeFile[] } {
  const inner = all.flatMap(other => below(other, path) ?? [])
  const taken = new Set(inner.map(first))
  const covered = (name: string): boolean => inner.some(other => other === name || below(name, other) !== undefined)
  return {
    files: files.filter(file => !taken.has(first(file.path))),
    hidden: files.filter(file => taken.has(first(file.path)) && !covered(file.path))
  }
}

const first = (path: string): string => path.split('/')[0] ?? ''

export const kindOf = (volume: Volume): string =>
  Object.entries(volume).find(([key, value]) => key !== 'name' && value !== undefined)?.[0] ?? 'emptyDir'

const unique = (missing: readonly Missing[]): Missing[] => [...new Map(missing.map(one => [`${one.what} ${one.why}`, one])).values()]
