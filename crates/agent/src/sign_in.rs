//! The person signs in for `rehome enroll`: in the browser, or by a code where there is none.

use std::time::Duration;

use device::sign_in::loopback::{Brought, Loopback, NotBrought};
use device::sign_in::pkce::Pkce;
use device::sign_in::{Asked, address};
use device::upload::address::Address;
use device::upload::server::Server;
use device::upload::sign_in::{device_code, redeem};
use model::api::{DeviceCodeRequest, SignInToken, SignInTokenRequest};
use model::reason::Reason;

use crate::browser;
use crate::failure::Failure;
use crate::paint::tame;
use crate::run::Run;
use crate::world;

/// How long the person may take: as long as the server waits.
const PATIENCE: Duration = Duration::from_mins(10);

/// The longest pause between two questions, whatever a server says.
const PAUSE_SECONDS_MAX: u64 = 60;

/// A sign-in of the person, with whatever this PC has to do it.
pub fn token(
    (run, server): (&Run, &Server<'_>),
    at: &Address,
    asked: Asked<'_>,
    by_code: bool,
) -> Result<SignInToken, Failure> {
    if by_code {
        return with_code((run, server), asked);
    }
    let gone = |error: std::io::Error| Failure::of(&error, Reason::Internal);
    let (code, loopback) = (Pkce::new(&run.random), Loopback::open().map_err(gone)?);
    let redirect_uri = loopback.redirect_uri();
    let page = address(at, asked, &code, &redirect_uri);
    if !browser::open(&page) {
        run.screen.say("There is no browser here.");
        return with_code((run, server), asked);
    }
    run.screen
        .say(&format!("Sign in in the browser. If none has opened, open this address on this PC:\n\n    {page}\n"));
    let (brought, browser) = loopback.wait(code.state(), PATIENCE).map_err(|error| match error {
        NotBrought::TooLate => Failure::new(Reason::SignInExpired, error.to_string()),
        NotBrought::Gone => Failure::of(&error, Reason::Internal),
    })?;
    let Brought::Code(brought) = brought else {
        browser.show("The PC is not connected", "You can close this window.");
        return Err(Failure::new(Reason::SignInDenied, "you said no in the browser"));
    };
    let verifier = code.verifier().to_owned();
    let token = redeem(server, &SignInTokenRequest::AuthorizationCode { code: brought, verifier, redirect_uri });
    match token {
        Ok(token) => {
            browser.show("You are signed in", "You can close this window and go back to Rehome.");
            Ok(token)
        }
        Err(error) => {
            browser.show("That did not work", "Go back to Rehome, which says why. You can close this window.");
            Err(error.into())
        }
    }
}

/// By a code that the person types elsewhere (RFC 8628).
fn with_code((run, server): (&Run, &Server<'_>), asked: Asked<'_>) -> Result<SignInToken, Failure> {
    let request = DeviceCodeRequest {
        tenant: asked.tenant.map(str::to_owned),
        device_name: asked.device_name.to_owned(),
        thumbprint: asked.thumbprint.to_owned(),
    };
    let code = device_code(server, &request)?;
    let (page, typed) = (tame(&code.verification_uri, 200), tame(&code.user_code, 20));
    run.screen.say(&format!("On any device, open\n\n    {page}\n\nand type the code\n\n    {typed}\n"));
    let pause = code.interval_seconds.clamp(1, PAUSE_SECONDS_MAX);
    let mut left = code.expires_in_seconds.min(PATIENCE.as_secs()) / pause;
    loop {
        world::wait(Duration::from_secs(pause));
        match redeem(server, &SignInTokenRequest::DeviceCode { device_code: code.device_code.clone() }) {
            Ok(token) => return Ok(token),
            Err(error) if left > 0 && matches!(error.reason(), Reason::SignInPending | Reason::RateLimited) => {
                left -= 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
