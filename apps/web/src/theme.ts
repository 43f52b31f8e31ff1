import { createTheme, type CSSVariablesResolver } from '@mantine/core'

/** Mantine's parts speak the page's own words for colour (styles/base.css), so both schemes come from one place. */
export const theme = createTheme({
  fontFamily: 'var(--sans)',
  fontFamilyMonospace: 'var(--mono)',
  fontSizes: { xs: '11px', sm: '13px', md: '13px', lg: '15px', xl: '18px' },
  defaultRadius: 'md',
  radius: { md: '8px' },
  respectReducedMotion: true,
  cursorType: 'pointer',
})

const ours = {
  '--mantine-color-body': 'var(--panel)',
  '--mantine-color-text': 'var(--ink)',
  '--mantine-color-dimmed': 'var(--soft)',
  '--mantine-color-default-border': 'var(--line)',
  '--mantine-color-placeholder': 'var(--soft)',
}
export const colours: CSSVariablesResolver = () => ({ variables: {}, light: ours, dark: ours })
