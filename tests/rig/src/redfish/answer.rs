//! What the service answers: its resources, its doors, its refusals.

use super::{Computer, Door, Mind, PASSWORD, Resetting, Task, USER, Work};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// A request.
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn new(status: u16, body: &Value) -> Self {
        Answer { status, headers: Vec::new(), body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() } }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// An error as services write it (DSP0266, error responses).
    fn error(status: u16, id: &str, text: &str) -> Self {
        let info = json!([{"MessageId": id, "Message": text, "Severity": "Critical", "Resolution": "See the manual."}]);
        Answer::new(
            status,
            &json!({"error": {"code": "Base.1.8.GeneralError", "message": "See @Message.ExtendedInfo", "@Message.ExtendedInfo": info}}),
        )
    }
}

/// `None`: no answer, for ever.
pub fn answer(mind: &Mutex<Mind>, request: &Request) -> Option<Answer> {
    let mut mind = mind.lock().unwrap();
    mind.requests.push(format!("{} {}", request.method, request.path));
    mind.advance();
    // A client that does not say what it speaks is refused by real services.
    if request.header("accept").is_none() || request.header("odata-version") != Some("4.0") {
        return Some(Answer::error(406, "Base.1.8.NotAcceptable", "The header Accept or OData-Version is missing."));
    }
    let path = request.path.trim_end_matches('/');
    if path == "/redfish/v1" {
        return Some(Answer::new(
            200,
            &json!({"@odata.type": "#ServiceRoot.v1_9_0.ServiceRoot", "Systems": {"@odata.id": "/redfish/v1/Systems"},
            "Links": {"Sessions": {"@odata.id": SESSIONS}}}),
        ));
    }
    if request.method == "POST" && path == SESSIONS {
        return Some(mind.log_in(request));
    }
    if let Some(refusal) = mind.refused(request) {
        return Some(refusal);
    }
    match (request.method.as_str(), path.split('/').skip(3).collect::<Vec<_>>().as_slice()) {
        ("DELETE", ["SessionService", "Sessions", number]) => {
            let number = number.parse::<u32>().ok();
            mind.sessions.retain(|session| Some(*session) != number);
            Some(Answer::new(204, &Value::Null))
        }
        ("GET", ["Systems"]) => {
            let members: Vec<Value> = mind.systems.iter().map(|s| json!({"@odata.id": format!("/redfish/v1/Systems/{}", s.id)})).collect();
            Some(Answer::new(200, &json!({"@odata.type": "#ComputerSystemCollection.ComputerSystemCollection", "Members": members})))
        }
        ("GET", ["Systems", id]) => Some(mind.show(id)),
        ("GET", ["Systems", _, "ResetActionInfo"]) => {
            let parameter = json!({"Name": "ResetType", "Required": true, "AllowableValues": mind.allowed});
            Some(Answer::new(200, &json!({"@odata.type": "#ActionInfo.v1_1_2.ActionInfo", "Parameters": [parameter]})))
        }
        ("POST", ["Systems", id, "Actions", "ComputerSystem.Reset"]) => mind.reset(id, request),
        ("GET", ["TaskService", "Tasks", "7"]) => Some(mind.show_task()),
        _ => Some(Answer::error(404, "Base.1.8.ResourceMissingAtURI", "The resource is missing.")),
    }
}

impl Computer {
    fn switch(&mut self, on: bool) {
        self.on = on;
        if let Some(hands) = &self.hands {
            hands(Some(on));
        }
    }
}

impl Mind {
    /// What time has brought.
    fn advance(&mut self) {
        let now = Instant::now();
        for system in &mut self.systems {
            if let Some(hands) = &system.hands {
                system.on = hands(None);
            }
            if system.off_at.is_some_and(|at| at <= now) {
                system.off_at = None;
                system.switch(false);
            }
        }
        if let Some(Work { end, place, on, fails: false }) = self.task.0
            && end <= now
        {
            self.systems[place].switch(on);
        }
    }

    fn log_in(&mut self, request: &Request) -> Answer {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        match self.door {
            Door::Full => Answer::error(503, "IDRAC.2.8.RAC0218", "The maximum number of user sessions is reached."),
            Door::Sessions(room) if self.sessions.len() >= room => {
                Answer::error(503, "IDRAC.2.8.RAC0218", "The maximum number of user sessions is reached.")
            }
            _ if body["UserName"] != USER || body["Password"] != PASSWORD => {
                Answer::error(401, "Base.1.8.ResourceAtUriUnauthorized", "The credentials are invalid.")
            }
            _ => {
                self.logins += 1;
                self.sessions.push(self.logins);
                let place = format!("https://bmc.example.org{SESSIONS}/{}", self.logins);
                Answer::new(201, &json!({"Id": self.logins.to_string()}))
                    .with("Location", place)
                    .with("X-Auth-Token", format!("token-{}", self.logins))
            }
        }
    }

    /// Who may not come in.
    fn refused(&self, request: &Request) -> Option<Answer> {
        let unauthorized = || Answer::error(401, "Base.1.8.AccessDenied", "The service denied the access.");
        let token = |token: &str| self.sessions.iter().any(|session| token == format!("token-{session}"));
        if request.header("x-auth-token").is_some_and(token) {
            return None;
        }
        match self.door {
            Door::Basic => {
                // "admin:s3cr3t" by RFC 7617.
                let good = request.header("authorization") == Some("Basic YWRtaW46czNjcjN0");
                (!good).then(|| unauthorized().with("WWW-Authenticate", "Basic realm=\"RedfishService\""))
            }
            Door::Sessions(_) => Some(unauthorized()),
            Door::Full => Some(Answer::error(503, "IDRAC.2.8.RAC0218", "The maximum number of user sessions is reached.")),
        }
    }

    fn show(&mut self, id: &str) -> Answer {
        if let Some(place) = &self.redirects {
            return Answer::new(308, &Value::Null).with("Location", place.clone());
        }
        if let Some((status, body)) = &self.instead {
            return Answer { status: *status, headers: Vec::new(), body: body.clone() };
        }
        let Some(system) = self.systems.iter().find(|s| s.id == id).cloned() else {
            return Answer::error(404, "Base.1.8.ResourceMissingAtURI", "The resource is missing.");
        };
        let truth = match (system.on, system.off_at) {
            (_, Some(_)) => "\"PoweringOff\"",
            (true, None) => "\"On\"",
            (false, None) => "\"Off\"",
        };
        let power: Value = serde_json::from_str(self.lies.pop_front().unwrap_or(truth)).expect("JSON");
        self.shown.push(power.to_string());
        let path = format!("/redfish/v1/Systems/{id}");
        let mut action = json!({"target": format!("{path}/Actions/ComputerSystem.Reset")});
        if self.in_action_info {
            action["@Redfish.ActionInfo"] = json!(format!("{path}/ResetActionInfo"));
        } else if !self.allowed.is_empty() {
            action["ResetType@Redfish.AllowableValues"] = json!(self.allowed);
        }
        let mut body = json!({"@odata.id": path, "@odata.type": "#ComputerSystem.v1_10_0.ComputerSystem", "Id": id, "Name": "System",
            "PowerState": power, "Actions": {"#ComputerSystem.Reset": action}});
        if !system.uuid.is_empty() {
            body["UUID"] = json!(system.uuid);
        }
        Answer::new(200, &body).with("ETag", "\"7\"")
    }

    fn reset(&mut self, id: &str, request: &Request) -> Option<Answer> {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let kind = body["ResetType"].as_str().expect("a ResetType").to_owned();
        let Some(place) = self.systems.iter().position(|s| s.id == id) else {
            return Some(Answer::error(404, "Base.1.8.ResourceMissingAtURI", "The resource is missing."));
        };
        if self.read_only {
            return Some(Answer::error(403, "Base.1.8.InsufficientPrivilege", "There are insufficient privileges for the account."));
        }
        if self.wants_etag && request.header("if-match") != Some("\"7\"") {
            return Some(Answer::error(428, "Base.1.8.PreconditionRequired", "The header If-Match is missing."));
        }
        self.resets.push((id.to_owned(), kind.clone()));
        let on = match kind.as_str() {
            "On" | "ForceOn" => true,
            "ForceOff" => false,
            other => panic!("a fence agent sent {other}"),
        };
        if !self.allowed.is_empty() && !self.allowed.contains(&kind.as_str()) {
            return Some(Answer::error(400, "Base.1.8.ActionParameterNotSupported", "The parameter ResetType is not supported."));
        }
        let done = Some(Answer::new(204, &Value::Null));
        match self.resetting.clone() {
            Resetting::Forgets => done,
            Resetting::Refuses(status, text) => Some(Answer::error(status, "Base.1.8.ActionNotPossible", text)),
            Resetting::IsOffAlready(status, text) => {
                self.systems[place].switch(false);
                Some(Answer::error(status, "iLO.2.14.InvalidOperationForSystemState", text))
            }
            Resetting::Task(time, fails) => {
                self.task = Task(Some(Work { end: Instant::now() + time, place, on, fails }));
                let monitor = "/redfish/v1/TaskService/Tasks/7";
                Some(Answer::new(202, &json!({"@odata.id": monitor, "TaskState": "New"})).with("Location", monitor))
            }
            Resetting::Obeys | Resetting::Silent => {
                if on || self.off_delay == Duration::ZERO {
                    self.systems[place].switch(on);
                } else {
                    self.systems[place].off_at = Some(Instant::now() + self.off_delay);
                }
                if self.resetting == Resetting::Silent { None } else { done }
            }
        }
    }

    fn show_task(&self) -> Answer {
        match self.task.0 {
            Some(Work { end, .. }) if end > Instant::now() => Answer::new(202, &json!({"TaskState": "Running"})),
            Some(Work { fails: true, .. }) => {
                let message = json!([{"MessageId": "Base.1.8.InternalError", "Message": "The chassis did not respond."}]);
                Answer::new(200, &json!({"TaskState": "Exception", "TaskStatus": "Critical", "Messages": message}))
            }
            Some(_) => Answer::new(200, &json!({"TaskState": "Completed", "TaskStatus": "OK"})),
            None => Answer::error(404, "Base.1.8.ResourceMissingAtURI", "The resource is missing."),
        }
    }
}
