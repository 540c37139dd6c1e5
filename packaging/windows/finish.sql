UPDATE `CustomAction` SET `Type` = 11282 WHERE `Action` = 'SetEnrolToken'
UPDATE `CustomAction` SET `Type` = 11282 WHERE `Action` = 'CheckEnrolToken'
UPDATE `CustomAction` SET `Type` = 11282 WHERE `Action` = 'SetMachine'
UPDATE `CustomAction` SET `Type` = 51 WHERE `Action` = 'KeepFolder'
UPDATE `RegLocator` SET `Type` = 18 WHERE `Signature_` = 'PreviousFolder'
UPDATE `Registry` SET `Value` = '#%%SystemRoot%\System32\EventCreate.exe' WHERE `Name` = 'EventMessageFile'
UPDATE `Property` SET `Value` = 'SERVERURL;ENROLLTOKEN;ENROLLTOKENFILE;TENANT;CACERT;CERTPIN;PROXYURL;PROXYBYPASS;INSTALLFOLDER;LOGLEVEL;NOUI;NOSTART;CHANNEL;KEEPDATA;WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED' WHERE `Property` = 'SecureCustomProperties'
UPDATE `InstallExecuteSequence` SET `Sequence` = 1501 WHERE `Action` = 'RemoveExistingProducts'
UPDATE `InstallExecuteSequence` SET `Sequence` = 3400 WHERE `Action` = 'RemoveMachine'
UPDATE `InstallExecuteSequence` SET `Sequence` = 5900 WHERE `Action` = 'CheckEnrolToken'
UPDATE `InstallExecuteSequence` SET `Sequence` = 60 WHERE `Action` = 'KeepFolder'
INSERT INTO `InstallUISequence` (`Action`, `Condition`, `Sequence`) VALUES ('KeepFolder', 'PREVIOUSFOLDER AND NOT INSTALLFOLDER', 60)
UPDATE `InstallExecuteSequence` SET `Sequence` = 6001 WHERE `Action` = 'SetMachine'
UPDATE `InstallExecuteSequence` SET `Sequence` = 6002 WHERE `Action` = 'SetEnrolToken'
UPDATE `InstallExecuteSequence` SET `Sequence` = 6003 WHERE `Action` = 'SetSchedule'
CREATE TABLE `Environment` (`Environment` CHAR(72) NOT NULL, `Name` CHAR(255) NOT NULL LOCALIZABLE, `Value` CHAR(255) LOCALIZABLE, `Component_` CHAR(72) NOT NULL PRIMARY KEY `Environment`)
INSERT INTO `Environment` (`Environment`, `Name`, `Value`, `Component_`) VALUES ('Path', '=-*PATH', '[~];[INSTALLFOLDER]', 'Program')
INSERT INTO `InstallExecuteSequence` (`Action`, `Sequence`) VALUES ('RemoveEnvironmentStrings', 3300)
INSERT INTO `InstallExecuteSequence` (`Action`, `Sequence`) VALUES ('WriteEnvironmentStrings', 5200)
