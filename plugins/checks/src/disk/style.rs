//! How the administrator wants it judged and said.

use plugin_core::{Limits, Range};

/// What is said, and in which units.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one option of the stock check")]
pub struct Style {
    /// Say nothing about file systems that are fine
    #[arg(short, long)]
    pub errors_only: bool,
    /// Name the device instead of the mount point
    #[arg(short = 'M', long)]
    pub mountpoint: bool,
    /// The total in the performance data is without what is reserved for root
    #[arg(short, long)]
    pub freespace_ignore_reserved: bool,
    /// Performance data of the inodes also without -W and -K
    #[arg(short = 'P', long)]
    pub iperfdata: bool,
    /// Unit of thresholds without a %
    #[arg(short, long, value_name = "UNIT", default_value = "MB", ignore_case = true)]
    units: Units,
    /// As -u kB
    #[arg(short, long, conflicts_with_all = ["units", "megabytes"])]
    kilobytes: bool,
    /// As -u MB
    #[arg(short, long, conflicts_with = "units")]
    megabytes: bool,
    /// WARNING when the hours until a file system is full, if it grows on as lately, leave this range (48:)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    forecast_warning: Option<Range>,
    /// CRITICAL when these hours leave this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    forecast_critical: Option<Range>,
}

/// Binary multiples, as in the stock check.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Units {
    Bytes,
    #[value(name = "kB", alias = "KiB")]
    Kilo,
    #[value(name = "MB", alias = "MiB")]
    Mega,
    #[value(name = "GB", alias = "GiB")]
    Giga,
    #[value(name = "TB", alias = "TiB")]
    Tera,
}

impl Units {
    const fn size(self) -> (f64, &'static str) {
        match self {
            Units::Bytes => (1.0, "bytes"),
            Units::Kilo => (1024.0, "kB"),
            Units::Mega => (1_048_576.0, "MB"),
            Units::Giga => (1_073_741_824.0, "GB"),
            Units::Tera => (1_099_511_627_776.0, "TB"),
        }
    }
}

impl Style {
    /// Bytes of one unit, and its name.
    pub const fn unit(&self) -> (f64, &'static str) {
        if self.kilobytes { Units::Kilo.size() } else { self.units.size() }
    }

    /// Limits of the hours until a file system is full.
    pub fn hours(&self) -> Limits {
        Limits { warning: self.forecast_warning.clone(), critical: self.forecast_critical.clone() }
    }

    /// Somebody asks when a file system is full.
    pub const fn foretells(&self) -> bool {
        self.forecast_warning.is_some() || self.forecast_critical.is_some()
    }
}
