//! Icinga's macros in Nagios' words.

/// What Nagios has for it.
pub enum Known {
    /// Its own macro.
    As(&'static str),
    /// Nothing; why the argument can be left out.
    Without(&'static str),
}

/// The Nagios macro for an Icinga macro; `None` for one that nobody has thought about.
pub fn nagios(name: &str) -> Option<Known> {
    Some(Known::As(match name {
        "address" | "host.address" => "$HOSTADDRESS$",
        "host.name" => "$HOSTNAME$",
        "host.display_name" => "$HOSTDISPLAYNAME$",
        "host.output" => "$HOSTOUTPUT$",
        "host.state" => "$HOSTSTATE$",
        "host.downtime_depth" => "$HOSTDOWNTIME$",
        "service.name" => "$SERVICEDESC$",
        "service.display_name" => "$SERVICEDISPLAYNAME$",
        "service.output" => "$SERVICEOUTPUT$",
        "service.state" => "$SERVICESTATE$",
        "service.state_type" => "$SERVICESTATETYPE$",
        "service.check_attempt" => "$SERVICEATTEMPT$",
        "service.downtime_depth" => "$SERVICEDOWNTIME$",
        "service.last_check" => "$LASTSERVICECHECK$",
        "notification.author" => "$NOTIFICATIONAUTHOR$",
        "notification.comment" => "$NOTIFICATIONCOMMENT$",
        "notification.type" => "$NOTIFICATIONTYPE$",
        "user.email" => "$CONTACTEMAIL$",
        "icinga.long_date_time" => "$LONGDATETIME$",
        "address6" => return Some(Known::Without("a host of Nagios has one address")),
        "service.flapping" => return Some(Known::Without("Nagios has no such macro, and the template switches flap detection off")),
        "notification_from" => return Some(Known::Without("the sender is [notify] from in cluster.toml")),
        "notification_icingaweb2url" => return Some(Known::Without("a link into Icinga Web")),
        "notification_logtosyslog" => return Some(Known::Without("log_notifications = 1 is Nagios' own")),
        _ => return None,
    }))
}
