import { type MantineColorScheme, useMantineColorScheme } from '@mantine/core'
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react'

const next: Readonly<Record<MantineColorScheme, MantineColorScheme>> = { auto: 'light', light: 'dark', dark: 'auto' }
const says: Readonly<Record<MantineColorScheme, string>> = { auto: 'as the system', light: 'light', dark: 'dark' }
const icons = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon }

/** As the system, light, dark, and round again; kept in this browser. */
export function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const Icon = icons[colorScheme]
  const label = `Colours: ${says[colorScheme]}. Change to ${says[next[colorScheme]]}`
  return (
    <button type="button" className="btn plain" aria-label={label} data-tip={label} onClick={() => setColorScheme(next[colorScheme])}>
      <Icon size={16} stroke={1.7} aria-hidden="true" />
    </button>
  )
}
