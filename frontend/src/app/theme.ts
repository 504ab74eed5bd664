import { ActionIcon, Button, createTheme, type MantineColorsTuple } from "@mantine/core";

/** The accent in ten steps; 4 is the dark scheme's, 7 the light scheme's (tokens.css has the same two). */
const echo: MantineColorsTuple = [
  "#e8f8fb",
  "#cdeef5",
  "#a3e1ee",
  "#7fd6e9",
  "#63cfe6",
  "#35afc9",
  "#148fa8",
  "#0c7287",
  "#0a5c6d",
  "#08454f",
];

/** Charcoal rather than Mantine's blue-grey, so that chrome stays quiet beside the pictures. */
const dark: MantineColorsTuple = [
  "#e3e6e8",
  "#c3c8cc",
  "#9aa2aa",
  "#7f8891",
  "#3c4249",
  "#2a2e33",
  "#1e2125",
  "#17191c",
  "#121416",
  "#101214",
];

const isAccent = (variant: string | undefined, color: string | undefined) =>
  (variant === undefined || variant === "filled") && color === undefined;

const isQuiet = (variant: string | undefined, color: string | undefined) =>
  variant === "subtle" && color === "gray";

export const theme = createTheme({
  primaryColor: "echo",
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  colors: { echo, dark },
  fontFamily: "var(--font)",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  fontSizes: { xs: "12.5px", sm: "14px", md: "14px", lg: "14px", xl: "26px" },
  headings: { fontFamily: "var(--font)", fontWeight: "600" },
  defaultRadius: 6,
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Modal: {
      defaultProps: {
        transitionProps: { duration: 120, transition: "fade" },
        centered: true,
        closeButtonProps: { "aria-label": "Close" },
      },
      styles: { title: { fontWeight: 600 } },
    },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    // Without a fade: a menu that is going still takes the keys.
    // Over notifications (400), which come unasked.
    Menu: { defaultProps: { transitionProps: { duration: 0 }, shadow: "md", zIndex: 450 } },
    Popover: { defaultProps: { transitionProps: { duration: 0 }, zIndex: 450 } },
    Tooltip: { defaultProps: { openDelay: 350, transitionProps: { duration: 90 }, withinPortal: true } },
    // Mantine picks the text's contrast for the light scheme alone; the dark accent needs dark text.
    Button: Button.extend({
      vars: (_theme, { variant, color }) => ({
        root: isAccent(variant, color)
          ? { "--button-color": "var(--on-accent)" }
          : isQuiet(variant, color)
            ? { "--button-color": "var(--text-2)" }
            : {},
      }),
    }),
    ActionIcon: ActionIcon.extend({
      vars: (_theme, { variant, color }) => ({
        root: isAccent(variant, color)
          ? { "--ai-color": "var(--on-accent)" }
          : isQuiet(variant, color)
            ? { "--ai-color": "var(--text-2)" }
            : {},
      }),
    }),
  },
});
