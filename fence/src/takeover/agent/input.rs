//! What the threads tell the loop.

use super::drill::News;
use crate::power::{FenceFailure, Fenced, Power};
use crate::takeover::decide::Recheck;
use crate::takeover::message::Message;
use crate::takeover::outlook::Round;
use crate::takeover::peer::Session;
use crate::takeover::steps::{Failure, Step};
use crate::takeover::view::{DeviceView, Readiness};
use plugin_core::contract::request::{Answer, Request};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// What the threads tell the loop.
pub enum Input {
    /// A probe round ended.
    Round(Round),
    /// The fence devices are being asked.
    DevicesAsked(Duration),
    /// The fence devices' answers.
    Devices(Vec<DeviceView>),
    /// What this machine would start at boot.
    Ready(Readiness),
    /// A handler called.
    Call {
        /// What it said.
        request: Request,
        /// Who it runs as.
        uid: u32,
        /// Where the answer goes.
        reply: Sender<Answer>,
    },
    /// An operator's command, one line of JSON.
    Operator {
        /// The line.
        command: String,
        /// Where the answer goes.
        reply: Sender<Result<String, String>>,
    },
    /// A session has started, dialled here or by the peer's `twinguard peer`; its link is known when this node dialled.
    SessionUp {
        /// The link.
        link: Option<String>,
        /// The session.
        session: Session,
    },
    /// A session ended.
    SessionDown(u64),
    /// A message of the peer.
    Said {
        /// Over which session.
        session: u64,
        /// What.
        message: Message,
    },
    /// ssh showed another host key.
    HostKey,
    /// The fence asks whether it may send.
    MaySend {
        /// Level.
        level: u8,
        /// Device.
        device: String,
        /// Where the answer goes.
        reply: Sender<Result<(), String>>,
    },
    /// A power command was accepted.
    Accepted {
        /// Level.
        level: u8,
        /// Device.
        device: String,
    },
    /// A power state was read.
    Read {
        /// Level.
        level: u8,
        /// Device.
        device: String,
        /// What it said.
        power: Power,
    },
    /// The fence asks whether the peer still answers.
    PeerAnswers {
        /// Where the answer goes.
        reply: Sender<bool>,
    },
    /// The fence ended.
    FenceDone(Result<Fenced, FenceFailure>),
    /// What the drill says and asks.
    Drill(News),
    /// A step ended.
    StepEnded {
        /// Which.
        step: Step,
        /// How.
        result: Result<String, Failure>,
    },
    /// A roll-back, or a demotion, ended.
    Undone(Result<(), String>),
    /// Starting again ended.
    Restored(Result<(), String>),
    /// A check was run again.
    Rechecked {
        /// The service of Icinga behind which it is.
        service: String,
        /// What it said.
        outcome: Recheck,
    },
    /// This node's own checks of kind `self` were run: what is CRITICAL.
    Faults(Vec<String>),
    /// The units of this retired node were stopped and masked, or not.
    Masked(Result<(), String>),
}
